# How every target of this project is built: the language level, the warnings, and the sanitizers.
# Options reach only our own targets, never the targets of a project that includes this one.

option(CHANTRACE_WARNINGS_AS_ERRORS "Treat warnings as errors" OFF)
set(CHANTRACE_SANITIZERS "" CACHE STRING "Value for -fsanitize=, such as address,undefined")

# chantrace_target(<target>)
function(chantrace_target target)
  target_compile_features(${target} PUBLIC cxx_std_20)
  set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF)
  # Frame pointers: a recorded call stack is a walk along them.
  target_compile_options(${target} PRIVATE
    -Wall -Wextra -Wconversion -Wshadow -Wnon-virtual-dtor -fno-omit-frame-pointer
    $<$<CXX_COMPILER_ID:Clang>:-Wthread-safety>
    $<$<BOOL:${CHANTRACE_WARNINGS_AS_ERRORS}>:-Werror>)
  if(CHANTRACE_SANITIZERS)
    target_compile_options(${target} PRIVATE
      -fsanitize=${CHANTRACE_SANITIZERS} -fno-sanitize-recover=all)
    target_link_options(${target} PUBLIC -fsanitize=${CHANTRACE_SANITIZERS})
  endif()

  get_target_property(type ${target} TYPE)
  if(type STREQUAL "SHARED_LIBRARY")
    # Before 1.0 every minor version may change the ABI.
    set_target_properties(${target} PROPERTIES
      VERSION ${PROJECT_VERSION}
      SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
  endif()
endfunction()
