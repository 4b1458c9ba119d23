#define MULTILAYER_ISA avx2
#define MULTILAYER_VECTOR_BYTES 32
#define MULTILAYER_TILE_ROWS 6
#define MULTILAYER_TILE_VECTORS 2
#include "../instruction_set.hpp"
