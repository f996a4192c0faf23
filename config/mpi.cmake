# config/mpi.cmake -- the target `googlenet_mpi`: what an executable is linked with that trains on several
# machines. It is there with -DMPI=ON, and for tests wherever the system has MPI.
#
#   cmake -DMPI_C_COMPILER=mpicc.mpich -DMPIEXEC_EXECUTABLE=/usr/bin/mpiexec.mpich   where there are several

if(MPI)
    find_package(MPI REQUIRED COMPONENTS C)
elseif(NOT SANITIZE)
    find_package(MPI QUIET COMPONENTS C)
endif()
if(MPI_C_FOUND)
    add_library(googlenet_mpi INTERFACE)
    target_sources(googlenet_mpi INTERFACE ${CMAKE_SOURCE_DIR}/server/mpi/ranks_mpi.c ${CMAKE_SOURCE_DIR}/server/mpi/watch.c)
    target_link_libraries(googlenet_mpi INTERFACE MPI::MPI_C)
    # MPICH's MPI_STATUSES_IGNORE is the address 1, where GCC 12 misses an array.
    target_compile_options(googlenet_mpi INTERFACE $<$<C_COMPILER_ID:GNU>:-Wno-stringop-overflow>)
endif()
