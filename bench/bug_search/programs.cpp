#include "programs.h"

#include <algorithm>
#include <string_view>

namespace chantrace::bench {
namespace {

struct ReferenceRow {
  std::string_view program;
  Rates choice;
  Rates quiescence;
};

// Source: an independent reference simulator, with a decision before every operation, the start of
// a task and its wake-up among them; 10,000 to 20,000 schedules of the programs without time, 1,500
// of the kernels.
constexpr ReferenceRow kReference[] = {
    // No time passes in these.
    {"account", {0.1482, 0.2256, 0.228}, {0.1482, 0.2256, 0.228}},
    {"bluetooth_driver", {0.0327, 0.02125, 0.04105}, {0.0327, 0.02125, 0.04105}},
    {"deadlock01", {0.2978, 0.0972, 0.175}, {0.2978, 0.0972, 0.175}},
    {"lazy01", {0.1482, 0.2256, 0.228}, {0.1482, 0.2256, 0.228}},
    {"queue", {0.9994, 0.411, 0.9196}, {0.9994, 0.411, 0.9196}},
    {"reorder_3", {0.0234, 0.0276, 0.057}, {0.0234, 0.0276, 0.057}},
    {"reorder_5", {0.00255, 0.00845, 0.02145}, {0.00255, 0.00845, 0.02145}},
    {"reorder_10", {0, 0.00125, 0.0012}, {0, 0.00125, 0.0012}},
    {"twostage", {0.0368, 0.1194, 0.085}, {0.0368, 0.1194, 0.085}},
    {"twostage_20", {0.0004, 0.0042, 0.0182}, {0.0004, 0.0042, 0.0182}},
    {"wronglock", {0.3224, 0.044, 0.3036}, {0.3224, 0.044, 0.3036}},
    {"stringbuffer", {0.1144, 0.0168, 0.0872}, {0.1144, 0.0168, 0.0872}},
    {"work_steal_queue", {0.0134, 0.04895, 0.01925}, {0.0134, 0.04895, 0.01925}},
    {"bounded_buffer", {0.2437, 0.0053, 0.2317}, {0.2437, 0.0053, 0.2317}},
    {"cve_2009_3547", {0.31, 0.3408, 0.3886}, {0.31, 0.3408, 0.3886}},
    {"sync01", {1, 1, 1}, {1, 1, 1}},
    // Kernels.
    {"cockroach_584", {1, 1, 1}, {1, 1, 1}},
    {"etcd_5509", {0.654, 0.181, 0.615}, {0.654, 0.181, 0.615}},
    {"cockroach_7504", {0.232, 0.083, 0.145}, {0.232, 0.083, 0.145}},
    {"moby_4951", {0.883, 0.541, 0.6}, {1, 1, 1}},
    {"kubernetes_62464", {0.363, 0.162, 0.28}, {0.363, 0.162, 0.28}},
    {"cockroach_6181", {0.497, 0.158, 0.313}, {0.497, 0.158, 0.313}},
    {"moby_4395", {1, 1, 1}, {1, 1, 1}},
    {"kubernetes_5316", {0.957, 0.867, 0.824}, {1, 1, 1}},
    {"etcd_6857", {0.337, 0.361, 0.424}, {0.337, 0.361, 0.424}},
    {"grpc_660", {1, 0.885, 0.998}, {1, 0.885, 0.998}},
    {"cockroach_2448", {1, 0.818, 1}, {1, 0.818, 1}},
    {"cockroach_13755", {1, 1, 1}, {1, 1, 1}},
    {"cockroach_10790", {0.757, 0.592, 0.709}, {0.757, 0.592, 0.709}},
    {"moby_33781", {0.41, 0.226, 0.244}, {0, 0, 0}},
    {"moby_29733", {1, 1, 1}, {1, 1, 1}},
    {"kubernetes_11298", {0.091, 0.049, 0.117}, {0.091, 0.049, 0.117}},
    {"grpc_1460", {0.7, 0.658, 0.598}, {0.7, 0.658, 0.598}},
    {"kubernetes_10182", {0.541, 0.352, 0.399}, {0.541, 0.352, 0.399}},
    {"moby_28462", {0.649, 0.242, 0.421}, {0.649, 0.242, 0.421}},
    {"cockroach_1055", {1, 1, 0.997}, {1, 1, 0.997}},
    {"moby_25384", {1, 1, 1}, {1, 1, 1}},
    {"grpc_1687", {1, 1, 1}, {1, 1, 1}},
    {"kubernetes_13058", {0.472, 0.631, 0.701}, {0.333, 0.517, 0.41}},
    {"kubernetes_38669", {1, 1, 1}, {1, 1, 1}},
};

// Each setter, or writer, has to come behind the one task that looks.
constexpr std::string_view kDeep[] = {
    "reorder_5",   "reorder_10",  "reorder_20",   "reorder_50",    "reorder_100",
    "twostage_20", "twostage_50", "twostage_100", "treiber_stack", "michael_scott_queue"};
constexpr std::string_view kLarge[] = {"reorder_50", "reorder_100", "twostage_50", "twostage_100"};

template <std::size_t size>
bool is_among(const std::string_view (&names)[size], std::string_view name) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

BugProgram make(const std::string& name, void (*run)(bugs::Variant), Group group) {
  BugProgram program{.name = name, .run = run, .group = group};
  program.is_deep = is_among(kDeep, name);
  program.is_large = is_among(kLarge, name);
  for (const ReferenceRow& row : kReference) {
    if (row.program != name) continue;
    program.reference[static_cast<std::size_t>(TimeMode::kChoice)] = row.choice;
    program.reference[static_cast<std::size_t>(TimeMode::kQuiescence)] = row.quiescence;
  }
  return program;
}

}  // namespace

std::vector<BugProgram> bug_programs() {
  std::vector<BugProgram> all;
  for (const auto& one : bugs::sctbench_programs())
    all.push_back(make(one.name, one.run, Group::kSctbench));
  for (const auto& one : bugs::lock_free_programs())
    all.push_back(make(one.name, one.run, Group::kLockFree));
  for (const auto& one : bugs::kernels()) all.push_back(make(one.name, one.run, Group::kKernel));
  return all;
}

}  // namespace chantrace::bench
