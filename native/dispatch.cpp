#include "dispatch.hpp"

#include <atomic>
#include <cstdlib>
#include <stdexcept>
#include <string>

namespace multilayer {

#if defined(__x86_64__)
namespace sse2 {
extern const InstructionSet instruction_set;
}
namespace avx2 {
extern const InstructionSet instruction_set;
}
namespace avx512 {
extern const InstructionSet instruction_set;
}
#else
namespace neon {
extern const InstructionSet instruction_set;
}
#endif

const std::vector<const InstructionSet*>& instruction_sets() {
    static const std::vector<const InstructionSet*> sets = [] {
        std::vector<const InstructionSet*> found;
#if defined(__x86_64__)
        __builtin_cpu_init();
        found.push_back(&sse2::instruction_set);
        if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
            found.push_back(&avx2::instruction_set);
        if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
            __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw") &&
            __builtin_cpu_supports("fma"))
            found.push_back(&avx512::instruction_set);
#else
        found.push_back(&neon::instruction_set);
#endif
        return found;
    }();
    return sets;
}

namespace {

const InstructionSet& named(const char* wanted, const char* what) {
    std::string names;
    for (const InstructionSet* set : instruction_sets()) {
        if (std::string(set->name) == wanted) return *set;
        names += (names.empty() ? "" : ", ") + std::string(set->name);
    }
    throw std::invalid_argument(std::string(what) + " must be one of " + names +
                                " on this machine: '" + wanted + "'");
}

std::atomic<const InstructionSet*>& in_use() {
    static std::atomic<const InstructionSet*> set = [] {
        const char* wanted = std::getenv("MULTILAYER_ISA");
        return wanted && *wanted ? &named(wanted, "MULTILAYER_ISA") : instruction_sets().back();
    }();
    return set;
}

}  // namespace

const InstructionSet& instruction_set() { return *in_use().load(std::memory_order_relaxed); }

void use_instruction_set(const char* name) { in_use() = &named(name, "The instruction set"); }

}  // namespace multilayer
