/// \file
/// Small programs with a known bug in their use of shared memory or locks, each beside its nearest
/// correct twin.
///
/// Source: those of SCTBench (Thomson, Donaldson and Betts, "Concurrency Testing Using Controlled
/// Schedulers: An Empirical Study", TOPC 2016), told again in this library's terms; and ten
/// lock-free ones.
#pragma once

#include <stdexcept>
#include <string>
#include <vector>

#include "bugs/kernels.h"

namespace chantrace::bugs {

struct Program {
  std::string name;
  void (*run)(Variant);
  /// What it is found as.
  std::vector<FindingKind> kinds = {FindingKind::kException};
  bool shows_always = false;

  void faulty() const { run(Variant::kFaulty); }
  void fixed() const { run(Variant::kFixed); }
};

/// The 16 of the public benchmark, and larger ones of two of them.
const std::vector<Program>& sctbench_programs();
const std::vector<Program>& lock_free_programs();

/// An assertion of a program. Throws: where `holds` is false.
inline void ensure(bool holds, const char* what) {
  if (!holds) throw std::logic_error(what);
}

void account(Variant variant);
void bluetooth_driver(Variant variant);
void bounded_buffer(Variant variant);
void cve_2009_3547(Variant variant);
void deadlock01(Variant variant);
void lazy01(Variant variant);
void queue(Variant variant);
void reorder_3(Variant variant);
void reorder_5(Variant variant);
void reorder_10(Variant variant);
void reorder_20(Variant variant);
void reorder_50(Variant variant);
void reorder_100(Variant variant);
void stringbuffer(Variant variant);
void sync01(Variant variant);
void twostage_2(Variant variant);
void twostage_20(Variant variant);
void twostage_50(Variant variant);
void twostage_100(Variant variant);
void work_steal_queue(Variant variant);
void wronglock(Variant variant);

void barrier(Variant variant);
void dekker(Variant variant);
void hazard_pointer(Variant variant);
void michael_scott_queue(Variant variant);
void peterson(Variant variant);
void published_early(Variant variant);
void reference_count(Variant variant);
void sequence_lock(Variant variant);
void ticket_lock(Variant variant);
void treiber_stack(Variant variant);

}  // namespace chantrace::bugs
