# Instructions per packet of the hot loop, compiled as the release is. After a change that is worth more of them:
#   cmake --build build/release --target record_instructions
if(CMAKE_BUILD_TYPE STREQUAL "Release" AND NOT RINGWAY_SANITIZE AND NOT RINGWAY_COVERAGE AND NOT RINGWAY_MARCH AND
   TARGET lb_bench_setup)
  add_executable(callgrind_program callgrind_program.cpp)
  target_include_directories(callgrind_program PRIVATE ${PROJECT_SOURCE_DIR}/test)
  target_link_libraries(callgrind_program PRIVATE lb_bench_setup ringway ringway_build)
  set(gate /usr/bin/python3 ${CMAKE_CURRENT_SOURCE_DIR}/callgrind_gate.py $<TARGET_FILE:callgrind_program>
    ${CMAKE_CURRENT_SOURCE_DIR}/instructions.json
    "${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION} ${CMAKE_SYSTEM_PROCESSOR}")
  add_custom_target(record_instructions COMMAND ${gate} --update VERBATIM)
  add_contract(instructions ${gate})
  # A test of the test: with a limit below anything that can be, it must fail.
  add_contract(instructions.can_fail ${gate} --limit -99 --only macswap/64)
  set_tests_properties(contract.instructions.can_fail PROPERTIES PASS_REGULAR_EXPRESSION "TOO MANY")
  set_tests_properties(contract.instructions contract.instructions.can_fail PROPERTIES
    SKIP_RETURN_CODE 77 TIMEOUT 240)  # some 4 s of CPU; more when the machine is shared
elseif(NOT TARGET lb_bench_setup)
  message(WARNING "contract.instructions: SKIPPED, NOTHING WILL BE COUNTED: it needs RINGWAY_BUILD_BENCH")
endif()
