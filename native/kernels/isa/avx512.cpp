#define MULTILAYER_ISA avx512
#define MULTILAYER_VECTOR_BYTES 64
#define MULTILAYER_TILE_ROWS 12
#define MULTILAYER_TILE_VECTORS 2
#include "../instruction_set.hpp"
