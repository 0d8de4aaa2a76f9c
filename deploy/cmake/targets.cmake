# One library per folder. Its headers are included as "<folder>/<file>.h".
add_library(expunge_flags INTERFACE)
target_compile_options(expunge_flags INTERFACE -Wall -Wextra -Werror -Wno-missing-field-initializers -fno-omit-frame-pointer
  $<$<CXX_COMPILER_ID:Clang>:-Wthread-safety>)
if(EXPUNGE_SANITIZE)
  target_compile_options(expunge_flags INTERFACE -fsanitize=${EXPUNGE_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(expunge_flags INTERFACE -fsanitize=${EXPUNGE_SANITIZE})
endif()

# expunge_library(<name> SOURCES ... PUBLIC ... PRIVATE ...): the library expunge_<name> of this folder.
function(expunge_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;PUBLIC;PRIVATE" ${ARGN})
  add_library(expunge_${name} STATIC ${ARG_SOURCES})
  target_include_directories(expunge_${name} PUBLIC ${CMAKE_CURRENT_SOURCE_DIR}/..)
  target_link_libraries(expunge_${name} PUBLIC ${ARG_PUBLIC} PRIVATE expunge_flags ${ARG_PRIVATE})
endfunction()

# expunge_test(<name> SOURCES ... LIBS ...): a GoogleTest program; each of its tests is a CTest test. Its CTest label is
# LABEL, or else the folder where that says a kind of test (integration, crash, property, faults), or else unit.
function(expunge_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT;LABEL" "SOURCES;LIBS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE expunge_flags ${ARG_LIBS} GTest::gmock GTest::gtest GTest::gtest_main)
  target_compile_definitions(${name} PRIVATE EXPUNGE_TEST_DATA="${CMAKE_SOURCE_DIR}/tests/golden")
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  if(NOT ARG_LABEL)
    get_filename_component(ARG_LABEL ${CMAKE_CURRENT_SOURCE_DIR} NAME)
    if(NOT ARG_LABEL MATCHES "^(integration|crash|property|faults)$")
      set(ARG_LABEL unit)
    endif()
  endif()
  gtest_discover_tests(${name} TEST_PREFIX ${name}. DISCOVERY_TIMEOUT 60
    PROPERTIES TIMEOUT ${ARG_TIMEOUT} LABELS ${ARG_LABEL})
endfunction()
include(GoogleTest)
