# config/tsan.cmake -- races are looked for with clang and LLVM's OpenMP, which tells TSan of its barriers through
# the tool library Archer. oneDNN asks for GCC's OpenMP by name; it gets LLVM's, which answers to both.

if(NOT CMAKE_C_COMPILER_ID STREQUAL "Clang")
    message(FATAL_ERROR "SANITIZE=thread needs clang: TSan does not understand GCC's OpenMP")
endif()
file(REAL_PATH ${OpenMP_omp_LIBRARY} libomp)
file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/openmp)
file(CREATE_LINK ${libomp} ${CMAKE_BINARY_DIR}/openmp/libgomp.so.1 SYMBOLIC)
# Before the rpath of the private oneDNN, which has GCC's.
target_link_options(googlenet_flags INTERFACE -Wl,-rpath,${CMAKE_BINARY_DIR}/openmp)

get_filename_component(libomp_folder ${libomp} DIRECTORY)
find_library(ARCHER archer PATHS ${libomp_folder} REQUIRED NO_DEFAULT_PATH)
# A daemon that leaves while a disk hangs joins nobody: threads that have ended by then are no leak.
set(TEST_ENVIRONMENT OMP_TOOL_LIBRARIES=${ARCHER}
    TSAN_OPTIONS=ignore_noninstrumented_modules=1:halt_on_error=0:report_thread_leaks=0)
