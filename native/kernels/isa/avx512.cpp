#define MULTILAYER_ISA avx512
#define MULTILAYER_VECTOR_BYTES 64
#define MULTILAYER_TILE_VECTORS 4
#include "../instruction_set.hpp"
