# ringway_add_bpf(NAME [SOURCE file.bpf.c])
#
# Compiles NAME.bpf.c for BPF, makes the skeleton NAME.skel.h with bpftool, and defines the INTERFACE target NAME_skel
# that carries its include directory. Headers are tracked by a depfile, so there is no list to keep by hand.
find_program(RINGWAY_CLANG NAMES clang clang-14 clang-16 clang-19 REQUIRED)
find_program(RINGWAY_BPFTOOL bpftool HINTS /usr/sbin /sbin REQUIRED)
set(RINGWAY_BPF_DIR ${PROJECT_BINARY_DIR}/bpf)
set(RINGWAY_BPF_INCLUDE ${PROJECT_SOURCE_DIR}/include)

function(ringway_add_bpf name)
  cmake_parse_arguments(arg "" "SOURCE" "INCLUDE;DEFINE" ${ARGN})
  if(NOT arg_SOURCE)
    set(arg_SOURCE ${name}.bpf.c)
  endif()
  cmake_path(ABSOLUTE_PATH arg_SOURCE BASE_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR} OUTPUT_VARIABLE source)
  set(object ${RINGWAY_BPF_DIR}/${name}.bpf.o)
  set(skeleton ${RINGWAY_BPF_DIR}/${name}.skel.h)
  set(includes -I ${RINGWAY_BPF_INCLUDE})
  foreach(dir IN LISTS arg_INCLUDE)
    list(APPEND includes -I ${dir})
  endforeach()
  set(defines)
  foreach(def IN LISTS arg_DEFINE)
    list(APPEND defines -D${def})
  endforeach()
  add_custom_command(
    OUTPUT ${object}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${RINGWAY_BPF_DIR}
    COMMAND ${RINGWAY_CLANG} -g -O2 -target bpf -mcpu=v3 -Wall -Wextra -Werror
            -idirafter /usr/include/${CMAKE_LIBRARY_ARCHITECTURE} ${includes} ${defines}
            -MD -MF ${object}.d -MT ${object} -c ${source} -o ${object}
    DEPENDS ${source}
    DEPFILE ${object}.d
    COMMENT "BPF ${name}"
    VERBATIM)
  add_custom_command(
    OUTPUT ${skeleton}
    # what bpftool writes is not ours to mend: clang's analyzer finds a leak in each
    COMMAND sh -c "( echo '/* NOLINTBEGIN */' && \"$1\" gen skeleton \"$2\" name \"$3\" && echo '/* NOLINTEND */' ) > \"$4.tmp\" && mv \"$4.tmp\" \"$4\"" sh
            ${RINGWAY_BPFTOOL} ${object} ${name} ${skeleton}
    DEPENDS ${object}
    COMMENT "skeleton ${name}"
    VERBATIM)
  add_custom_target(${name}_bpf DEPENDS ${skeleton})
  add_library(${name}_skel INTERFACE)
  target_include_directories(${name}_skel SYSTEM INTERFACE ${RINGWAY_BPF_DIR})
  add_dependencies(${name}_skel ${name}_bpf)
endfunction()
