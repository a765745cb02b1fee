# What those who install the library find it by: a CMake package and two pkg-config files.
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/chantrace)
set(generated_dir ${PROJECT_BINARY_DIR}/package)

install(EXPORT chantraceTargets NAMESPACE chantrace:: DESTINATION ${package_dir})

set(has_rapidcheck OFF)
if(TARGET chantrace_rapidcheck)
  set(has_rapidcheck ON)
endif()
configure_package_config_file(
  ${PROJECT_SOURCE_DIR}/cmake/chantraceConfig.cmake.in ${generated_dir}/chantraceConfig.cmake
  INSTALL_DESTINATION ${package_dir}
  PATH_VARS CMAKE_INSTALL_BINDIR)
# Before 1.0 every minor version may change the API.
write_basic_package_version_file(
  ${generated_dir}/chantraceConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(
  FILES ${generated_dir}/chantraceConfig.cmake ${generated_dir}/chantraceConfigVersion.cmake
    ${PROJECT_SOURCE_DIR}/cmake/ChantraceFuzzTarget.cmake
  DESTINATION ${package_dir})

# A static library leaves its own needs to whoever links it.
if(BUILD_SHARED_LIBS)
  set(pc_needs_libs "")
  set(pc_needs_packages "")
else()
  set(pc_needs_libs "-lchantrace_schema -lboost_context")
  set(pc_needs_packages "capnp libzstd")
endif()
set(pc_gtest_needs_libs "")
if(libdw_FOUND AND NOT BUILD_SHARED_LIBS)
  set(pc_gtest_needs_libs "-ldw")
endif()
# An absolute folder stays as it is; a relative one follows the prefix, wherever that is moved.
set(pc_prefix ${CMAKE_INSTALL_PREFIX})
if(NOT IS_ABSOLUTE ${CMAKE_INSTALL_LIBDIR})
  cmake_path(RELATIVE_PATH CMAKE_INSTALL_PREFIX
    BASE_DIRECTORY ${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_LIBDIR}/pkgconfig
    OUTPUT_VARIABLE pc_prefix)
  string(PREPEND pc_prefix "\${pcfiledir}/")
endif()
set(pc_prefix_name "\${prefix}")
cmake_path(APPEND pc_prefix_name ${CMAKE_INSTALL_LIBDIR} OUTPUT_VARIABLE pc_libdir)
cmake_path(APPEND pc_prefix_name ${CMAKE_INSTALL_INCLUDEDIR} OUTPUT_VARIABLE pc_includedir)
set(pc_files chantrace)
if(CHANTRACE_BUILD_GTEST)
  list(APPEND pc_files chantrace-gtest)
endif()
foreach(name IN LISTS pc_files)
  configure_file(${PROJECT_SOURCE_DIR}/cmake/${name}.pc.in ${generated_dir}/${name}.pc @ONLY)
  install(FILES ${generated_dir}/${name}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endforeach()
