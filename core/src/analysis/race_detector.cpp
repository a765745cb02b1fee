#include "race_detector.h"

namespace chantrace {

void RaceDetector::clear() {
  for (Task& one : tasks_) {
    one.clock.clear();
    one.accessor = kNone;
    one.time = 1;
    one.has_given = false;
  }
  for (Variable& one : variables_) {
    one.write = {};
    one.reads.clear();
  }
  accessors_ = 0;
  races_.clear();
}

RaceDetector::Task& RaceDetector::task(std::uint32_t number) {
  if (number >= tasks_.size()) tasks_.resize(number + 1);
  return tasks_[number];
}

RaceDetector::Variable& RaceDetector::variable(std::uint32_t number) {
  if (number >= variables_.size()) variables_.resize(number + 1);
  return variables_[number];
}

void RaceDetector::start(std::uint32_t parent, std::uint32_t child) {
  task(std::max(parent, child));
  tasks_[child].clock.join(tasks_[parent].clock);
  tasks_[parent].has_given = true;
}

void RaceDetector::give(std::uint32_t number, VectorClock& clock) {
  Task& self = task(number);
  clock.join(self.clock);
  self.has_given = true;
}

void RaceDetector::give_alone(std::uint32_t number, VectorClock& clock) {
  clock.clear();
  give(number, clock);
}

void RaceDetector::take(std::uint32_t number, const VectorClock& clock) {
  task(number).clock.join(clock);
}

void RaceDetector::meet(std::uint32_t left, std::uint32_t right) {
  task(std::max(left, right));
  tasks_[left].clock.join(tasks_[right].clock);
  tasks_[right].clock.join(tasks_[left].clock);
  tasks_[left].has_given = tasks_[right].has_given = true;
}

void RaceDetector::act_for(std::uint32_t number, const VectorClock& clock) {
  Task& self = task(number);
  self.clock = clock;
  if (self.accessor != kNone) self.clock.set(self.accessor, self.time);
}

RaceDetector::Task* RaceDetector::access(std::uint32_t number) {
  Task& self = task(number);
  if (self.accessor == kNone) {
    if (accessors_ == kAccessorsMax) return nullptr;
    self.accessor = accessors_++;
    self.clock.set(self.accessor, self.time);
  } else if (self.has_given) {
    self.clock.set(self.accessor, ++self.time);
  }
  self.has_given = false;
  return &self;
}

void RaceDetector::read(std::uint32_t number, std::uint32_t variable_number, std::uint32_t site) {
  Task* const self = access(number);
  if (self == nullptr) return;
  Variable& read = variable(variable_number);
  const Epoch present{self->accessor, self->time, {number, site, false}};
  if (!knows(*self, read.write)) report(variable_number, read.write.access, present.access);
  std::erase_if(read.reads, [&](const Epoch& earlier) { return knows(*self, earlier); });
  read.reads.push_back(present);
}

void RaceDetector::write(std::uint32_t number, std::uint32_t variable_number, std::uint32_t site) {
  Task* const self = access(number);
  if (self == nullptr) return;
  Variable& written = variable(variable_number);
  const Epoch present{self->accessor, self->time, {number, site, true}};
  if (!knows(*self, written.write)) report(variable_number, written.write.access, present.access);
  for (const Epoch& earlier : written.reads)
    if (!knows(*self, earlier)) report(variable_number, earlier.access, present.access);
  written.write = present;
  written.reads.clear();
}

void RaceDetector::report(std::uint32_t variable_number, const Access& first,
                          const Access& second) {
  const auto is_known = [&](const Race& race) {
    return (race.first.site == first.site && race.second.site == second.site) ||
           (race.first.site == second.site && race.second.site == first.site);
  };
  if (races_.size() == kRacesMax || std::any_of(races_.begin(), races_.end(), is_known)) return;
  races_.push_back({variable_number, first, second});
}

}  // namespace chantrace
