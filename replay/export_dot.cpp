#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <unordered_map>
#include <unordered_set>

#include "export_formats.h"
#include "model/interleaving.h"
#include "model/naming.h"
#include "model/quantity.h"
#include "printable.h"
#include "verdict.h"

namespace chantrace::replay {

using view::counted;
using view::Names;
using view::state_before_unwinding;
using view::title_of;
namespace {

/// Waiting tasks that are drawn: a picture of more is none.
constexpr std::size_t kTasksMax = 60;
/// Cases of a select that are drawn.
constexpr std::size_t kWaitsMax = 16;
/// Those that one object is drawn to lead to.
constexpr std::size_t kUsersMaxDrawn = 8;
constexpr std::size_t kNameColumns = 40;
constexpr std::size_t kTitleColumns = 80;

/// A line of a label. Graphviz reads references to characters in it, as HTML has them.
std::string line(std::string_view text) {
  std::string safe;
  for (const char c : text) {
    if (c == '"' || c == '\\') safe += '\\';
    safe += c;
    if (c == '&') safe += "amp;";
  }
  return safe;
}

std::string label(const std::vector<std::string>& lines, std::size_t columns = kNameColumns) {
  std::string text = "label=\"";
  for (std::size_t index = 0; index < lines.size(); ++index)
    text += (index == 0 ? "" : "\\n") + line(fit(lines[index], columns));
  return text + '"';
}

/// What those have done before who could end a wait.
std::string_view role_of_helper(Operation operation) {
  switch (operation) {
    case Operation::kSend:
      return "has received";
    case Operation::kReceive:
    case Operation::kRange:
      return "has sent";
    case Operation::kConditionWait:
      return "has notified";
    case Operation::kSemaphoreAcquire:
      return "has released";
    case Operation::kWaitGroupWait:
      return "has called done";
    default:
      return "has used";
  }
}

class GraphMaker {
 public:
  GraphMaker(const Trace& trace, const LineSink& sink)
      : names_(trace),
        state_(state_before_unwinding(trace, order_events(trace))),
        findings_(findings_of(trace)),
        trace_(trace),
        sink_(sink) {
    for (const TaskState& task : state_.tasks) tasks_.emplace(to_number(task.id), &task);
    for (const ObjectState& object : state_.objects)
      objects_.emplace(to_number(object.id), &object);
  }

  void write(std::string_view fallback_title) {
    choose_tasks();
    find_cycle();
    std::vector<std::string> title{title_of(trace_, fallback_title)};
    title.push_back(waiting_.empty() ? "no task waits at the end"
                                     : "who waits for whom at the end");
    if (hidden_count_ > 0)
      title.push_back(counted(hidden_count_, "more task") + " that wait are not shown");
    if (trace_.lost_count() > 0)
      title.push_back(counted(trace_.lost_count(), "event") + " lost: this may not be so");
    if (trace_.is_incomplete()) title.push_back("the recording was cut off: they may have gone on");
    out("digraph waits {\n");
    out(fmt::format("  graph [{}, labelloc=t, rankdir=LR, fontname=\"sans-serif\"]\n",
                    label(title, kTitleColumns)));
    out("  node [fontname=\"sans-serif\", fontsize=11]\n  edge [fontname=\"sans-serif\", "
        "fontsize=9]\n");
    if (waiting_.empty()) out(fmt::format("  nothing [shape=plaintext, {}]\n", label({verdict()})));
    for (const TaskState* task : waiting_) write_waits(*task);
    for (const auto& [edge, is_red] : edges_) {
      const auto& [from, to, attributes] = edge;
      out(fmt::format("  {} -> {} [{}{}]\n", from, to, attributes,
                      is_red ? ", color=red, fontcolor=red, style=bold, penwidth=2.5" : ""));
    }
    out("}\n");
  }

 private:
  void out(const std::string& text) { goes_on_ = goes_on_ && sink_(text); }

  std::string verdict() const {
    return findings_.empty() ? "nothing to report"
                             : counted(findings_.size(), "finding") + ": see chantrace check";
  }

  /// Those of findings first.
  void choose_tasks() {
    std::unordered_set<std::uint32_t> known;
    std::size_t count = 0;
    const auto add = [&](TaskId id) {
      const auto found = tasks_.find(to_number(id));
      if (found == tasks_.end() || found->second->status != TaskStatus::kParked) return;
      if (!known.insert(to_number(id)).second) return;
      ++count;
      if (waiting_.size() < kTasksMax) waiting_.push_back(found->second);
    };
    for (const Finding& finding : findings_)
      for (const Participant& one : finding.participants) add(one.task);
    for (const Finding& finding : findings_)
      for (const Participant& one : finding.behind) add(one.task);
    for (const TaskState& task : state_.tasks) add(task.id);
    hidden_count_ = count - waiting_.size();
  }

  /// Who waits for whom in a circle, as the findings have it.
  void find_cycle() {
    for (const Finding& finding : findings_) {
      if (finding.kind != FindingKind::kDeadlock) continue;
      const std::vector<Participant>& circle = finding.participants;
      for (std::size_t index = 0; index < circle.size(); ++index) {
        cycle_.emplace(to_number(circle[index].task),
                       to_number(circle[(index + 1) % circle.size()].task));
      }
    }
  }

  bool is_in_cycle(TaskId from, TaskId to) const {
    return cycle_.contains({to_number(from), to_number(to)});
  }

  std::string task_node(TaskId id) {
    const std::string node = fmt::format("t{}", to_number(id));
    if (!drawn_.insert(node).second) return node;
    const auto found = tasks_.find(to_number(id));
    std::vector<std::string> lines{names_.task(id)};
    std::string_view style = "rounded";
    if (found != tasks_.end()) {
      const TaskState& task = *found->second;
      const view::Stuck stuck = stuck_in(state_, task, names_);
      if (!stuck.what.empty()) {
        lines.push_back(stuck.what);
        if (task.waits.size() > kWaitsMax)
          lines.push_back(counted(task.waits.size() - kWaitsMax, "more case"));
        lines.push_back(names_.place(task.waiting_at));
      } else if (task.status == TaskStatus::kRunning) {
        lines.push_back(task.is_body && state_.body_ended ? "has left the test" : "runs");
      } else {
        lines.push_back(task.status == TaskStatus::kCancelled ? "was unwound" : "has ended");
        style = "rounded,dashed";
      }
    }
    std::erase(lines, "");
    const auto next = cycle_.lower_bound({to_number(id), 0});
    const bool is_stuck_in_circle = next != cycle_.end() && next->first == to_number(id);
    out(fmt::format("  {} [shape=box, style=\"{}\", {}{}]\n", node, style, label(lines),
                    is_stuck_in_circle ? ", color=red, penwidth=2.5" : ""));
    return node;
  }

  std::string object_node(ObjectId id) {
    const std::string node = fmt::format("o{}", to_number(id));
    if (!drawn_.insert(node).second) return node;
    std::vector<std::string> lines{names_.object_and_place(id)};
    const auto found = objects_.find(to_number(id));
    if (found != objects_.end()) {
      const ObjectState& object = *found->second;
      if (!object.name.empty()) lines.emplace_back(to_string(object.kind));
      if (object.kind == ObjectKind::kChannel) {
        lines.push_back(object.capacity == 0
                            ? std::string("unbuffered")
                            : fmt::format("{} of {} values", object.size, object.capacity));
        if (object.is_closed) lines.emplace_back("closed");
      }
      if (object.kind == ObjectKind::kWaitGroup || object.kind == ObjectKind::kSemaphore)
        lines.push_back(fmt::format("count {}", object.count));
    }
    out(fmt::format("  {} [shape=ellipse, {}]\n", node, label(lines)));
    return node;
  }

  void write_waits(const TaskState& task) {
    const std::string from = task_node(task.id);
    for (std::size_t index = 0; index < std::min(task.waits.size(), kWaitsMax); ++index) {
      const Wait& wait = task.waits[index];
      const std::string verb(to_string(wait.operation));
      if (wait.operation == Operation::kTaskJoin) {
        edge(from, task_node(wait.task), label({verb}), is_in_cycle(task.id, wait.task));
      } else if (wait.object != ObjectId{0}) {
        const bool closes_circle = write_object(task, wait);
        edge(from, object_node(wait.object),
             label({wait.has_deadline ? verb + ", for a time" : verb}), closes_circle);
      } else if (wait.is_nil_channel) {
        const std::string nil = fmt::format("nil{}", ++nil_count_);
        out(fmt::format("  {} [shape=ellipse, {}]\n", nil, label({"nil channel", "never ready"})));
        edge(from, nil, label({verb}), false);
      }
    }
  }

  /// What leads on from an object that a task waits on. Returns: whether one of it is the way on in
  /// a circle.
  bool write_object(const TaskState& task, const Wait& wait) {
    const auto found = objects_.find(to_number(wait.object));
    if (found == objects_.end()) return false;
    const ObjectState& object = *found->second;
    const std::string node = object_node(wait.object);
    bool closes_circle = false;
    const auto lead_to = [&](TaskId other, const std::string& attributes) {
      const bool is_red = is_in_cycle(task.id, other);
      closes_circle = closes_circle || is_red;
      edge(node, task_node(other), attributes, is_red);
    };
    if (!object.holders.empty()) {
      for (std::size_t index = 0; index < object.holders.size(); ++index) {
        const Holder& holder = object.holders[index];
        if (index >= kUsersMaxDrawn && !is_in_cycle(task.id, holder.task)) continue;
        const std::string place = names_.place(holder.since);
        lead_to(holder.task, label({"held", place.empty() ? "" : "since " + place}));
      }
      return closes_circle;
    }
    const bool is_send = wait.operation == Operation::kSend;
    for (const TaskId user : is_send ? object.takers : object.givers) {
      if (user == task.id && !is_in_cycle(user, user)) continue;
      lead_to(user, label({std::string(role_of_helper(wait.operation))}) + ", style=dashed");
    }
    return closes_circle;
  }

  void edge(const std::string& from, const std::string& to, const std::string& attributes,
            bool is_red) {
    bool& was_red = edges_[{from, to, attributes}];
    was_red = was_red || is_red;
  }

  const Names names_;
  const EndState state_;
  const std::vector<Finding> findings_;
  const Trace& trace_;
  const LineSink& sink_;
  std::unordered_map<std::uint32_t, const TaskState*> tasks_;
  std::unordered_map<std::uint32_t, const ObjectState*> objects_;
  std::vector<const TaskState*> waiting_;  ///< Those that are drawn.
  std::size_t hidden_count_ = 0;
  std::set<std::pair<std::uint32_t, std::uint32_t>> cycle_;  ///< Who waits for whom.
  std::unordered_set<std::string> drawn_;
  /// From, to and attributes; whether it is part of a circle.
  std::map<std::tuple<std::string, std::string, std::string>, bool> edges_;
  std::size_t nil_count_ = 0;
  bool goes_on_ = true;
};

}  // namespace

void write_dot(const Trace& trace, std::string_view fallback_title, const LineSink& sink) {
  GraphMaker(trace, sink).write(fallback_title);
}

}  // namespace chantrace::replay
