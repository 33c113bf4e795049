# The hot loop's calls, read from object files. First the test of the test: planted functions, each of which must be
# found, and a clean one, which must pass. They are always compiled as a release is, whatever this build is.
set(hot_symbols /usr/bin/python3 ${CMAKE_CURRENT_SOURCE_DIR}/hot_symbols.py)
set(in_release -O3 -DNDEBUG -g0)

function(add_planted name)
  cmake_parse_arguments(arg "WORKER" "FINDS" "SOURCES" ${ARGN})
  add_library(planted_${name} OBJECT ${arg_SOURCES})
  set(root "planted::loop<.*>::turn\\(")
  set(others)
  if(arg_WORKER) # the real one: what it calls is in the library
    set(root "ringway::worker<planted::.*>::turn\\(")
    set(others $<TARGET_FILE:ringway>)
    target_link_libraries(planted_${name} PRIVATE ringway)
  endif()
  target_compile_options(planted_${name} PRIVATE ${in_release})
  target_include_directories(planted_${name} PRIVATE ${PROJECT_SOURCE_DIR}/include)
  add_contract(hot_symbols.planted_${name}
    ${hot_symbols} --root ${root} $<TARGET_OBJECTS:planted_${name}> ${others})
  if(arg_FINDS)
    set_tests_properties(contract.hot_symbols.planted_${name} PROPERTIES PASS_REGULAR_EXPRESSION "${arg_FINDS}")
  endif()
endfunction()

add_planted(nothing SOURCES planted/nothing.cpp)
add_planted(new SOURCES planted/new.cpp FINDS "operator new")
add_planted(virtual_call SOURCES planted/virtual_call.cpp FINDS "indirect: call")
add_planted(virtual_tail_call SOURCES planted/virtual_tail_call.cpp FINDS "indirect: jmp")
add_planted(callback SOURCES planted/callback.cpp FINDS "indirect: (call|jmp)")
add_planted(throw SOURCES planted/throw.cpp FINDS "__cxa_throw")
add_planted(elsewhere SOURCES planted/elsewhere.cpp planted/elsewhere_body.cpp
  FINDS "malloc.*\n.*\n.*\n *-> planted::remember")
# The library of a sanitizer or coverage build calls what instruments it.
if(CMAKE_BUILD_TYPE STREQUAL "Release" AND NOT RINGWAY_SANITIZE AND NOT RINGWAY_COVERAGE)
  add_planted(worker_reflect WORKER SOURCES planted/worker_reflect.cpp)
  add_planted(worker_new WORKER SOURCES planted/worker_new.cpp FINDS "operator new")
  add_planted(worker_virtual_call WORKER SOURCES planted/worker_virtual_call.cpp FINDS "indirect: call")
endif()
# A root that no longer exists must not pass as clean.
add_contract(hot_symbols.no_root ${hot_symbols} --root "no_such_function" $<TARGET_OBJECTS:planted_nothing>)
set_tests_properties(contract.hot_symbols.no_root PROPERTIES PASS_REGULAR_EXPRESSION "0 functions match")

# The forwarder itself: the workers of its 5 modes with batches of 64 and 256, followed into the library.
if(TARGET ringway-l2fwd AND CMAKE_BUILD_TYPE STREQUAL "Release" AND NOT RINGWAY_SANITIZE AND NOT RINGWAY_COVERAGE)
  add_contract(hot_symbols.l2fwd ${hot_symbols} --root "ringway::worker<.*>::turn\\(" --roots 10
    $<TARGET_OBJECTS:ringway-l2fwd> $<TARGET_FILE:ringway>)
endif()
