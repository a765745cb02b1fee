# chantrace_add_fuzz_target: a program with a CHANTRACE_FUZZ_TARGET, and a test that replays its
# corpus.

set(CHANTRACE_FUZZING_ENGINE "$ENV{LIB_FUZZING_ENGINE}" CACHE STRING
  "What fuzz targets are linked with: a library or an option, such as -fsanitize=fuzzer. Empty: a main that replays inputs")

# chantrace_add_fuzz_target(<name> SOURCES <source>... [CORPUS <folder>])
#
# Without an engine, the program replays the inputs that it is given, and the test <name>.corpus
# those below the folder. With one, the engine's main does what it does.
function(chantrace_add_fuzz_target name)
  cmake_parse_arguments(PARSE_ARGV 1 target "" "CORPUS" "SOURCES")
  if(target_UNPARSED_ARGUMENTS OR NOT target_SOURCES)
    message(FATAL_ERROR "chantrace_add_fuzz_target(<name> SOURCES <source>... [CORPUS <folder>])")
  endif()
  add_executable(${name} ${target_SOURCES})
  separate_arguments(engine UNIX_COMMAND "${CHANTRACE_FUZZING_ENGINE}")
  if(NOT engine)
    target_link_libraries(${name} PRIVATE chantrace::fuzz_main)
    if(target_CORPUS)
      cmake_path(ABSOLUTE_PATH target_CORPUS BASE_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR})
      add_test(NAME ${name}.corpus COMMAND ${name} ${target_CORPUS})
    endif()
    return()
  endif()
  target_link_libraries(${name} PRIVATE chantrace::fuzz)
  # What an engine sees of the target itself comes from there.
  if(engine STREQUAL "-fsanitize=fuzzer")
    target_compile_options(${name} PRIVATE -fsanitize=fuzzer-no-link)
  endif()
  # Last, as an archive with a main has to stand behind what that calls.
  target_link_libraries(${name} PRIVATE ${engine})
endfunction()
