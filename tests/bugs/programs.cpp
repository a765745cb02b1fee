#include "bugs/programs.h"

namespace chantrace::bugs {

using enum FindingKind;

const std::vector<Program>& sctbench_programs() {
  static const std::vector<Program> all = {
      {"account", account},
      {"bluetooth_driver", bluetooth_driver},
      {"deadlock01", deadlock01, {kDeadlock}},
      {"lazy01", lazy01},
      {"queue", queue},
      {"reorder_3", reorder_3},
      {"reorder_5", reorder_5},
      {"reorder_10", reorder_10},
      {"twostage", twostage_2},
      {"twostage_20", twostage_20},
      {"wronglock", wronglock},
      {"stringbuffer", stringbuffer},
      {"work_steal_queue", work_steal_queue},
      {"bounded_buffer", bounded_buffer},
      {"cve_2009_3547", cve_2009_3547},
      {"sync01", sync01, {kBlocked, kDeadlock, kLostSignal, kLeaked}, true},
      {"reorder_20", reorder_20},
      {"reorder_50", reorder_50},
      {"reorder_100", reorder_100},
      {"twostage_50", twostage_50},
      {"twostage_100", twostage_100},
  };
  return all;
}

const std::vector<Program>& lock_free_programs() {
  static const std::vector<Program> all = {
      {"treiber_stack", treiber_stack},
      {"michael_scott_queue", michael_scott_queue},
      {"hazard_pointer", hazard_pointer},
      {"sequence_lock", sequence_lock},
      {"dekker", dekker},
      {"peterson", peterson},
      {"published_early", published_early},
      {"reference_count", reference_count},
      {"ticket_lock", ticket_lock},
      {"barrier", barrier, {kStepLimit}},
  };
  return all;
}

}  // namespace chantrace::bugs
