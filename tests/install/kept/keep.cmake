# Runs a test that fails, and writes a program of its source and the line that keeps its failure.
execute_process(COMMAND ${program} OUTPUT_VARIABLE output ERROR_QUIET RESULT_VARIABLE status)
if(NOT output MATCHES "\n  keep +([^\n]+)\n" OR NOT status EQUAL 1)
  message(FATAL_ERROR "nothing to keep was printed:\n${output}")
endif()
file(WRITE ${kept} "#include \"${property}\"\n${CMAKE_MATCH_1}\n")
