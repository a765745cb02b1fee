#include "wait_graph.h"

#include <algorithm>
#include <cstddef>

namespace chantrace {
namespace {

constexpr std::uint32_t kNone = StateIndex::kNone;

bool is_over(const EndState& state, const TaskState& task) {
  switch (task.status) {
    case TaskStatus::kEnded:
    case TaskStatus::kEndedByException:
    case TaskStatus::kCancelled:
      return true;
    case TaskStatus::kRunning:
    case TaskStatus::kParked:
      break;
  }
  return task.is_body && state.body_ended;
}

/// Nothing stands in the way of the wait, as far as the object itself shows.
bool is_ready(const Wait& wait, const ObjectState& object) {
  if (object.timer_is_pending) return true;
  switch (wait.operation) {
    case Operation::kSend:
      return object.is_closed || object.size < object.capacity;
    case Operation::kReceive:
    case Operation::kRange:
      return object.is_closed || object.size > 0;
    case Operation::kWaitGroupWait:
      return object.count == 0;
    case Operation::kSemaphoreAcquire:
      return false;  // It may want more than there is.
    default:
      return false;
  }
}

/// Strongly connected components, by Tarjan's algorithm without recursion: the tasks of a component
/// get the same number, and a component's number is higher than those it has edges to.
/// Source: Tarjan, "Depth-first search and linear graph algorithms", 1972.
class Components {
 public:
  /// `edges[i]` are the successors of `nodes[i]`, as positions in `nodes`.
  explicit Components(const std::vector<std::vector<std::uint32_t>>& edges)
      : edges_(edges),
        number_(edges.size(), kNone),
        low_(edges.size(), 0),
        order_(edges.size(), kNone) {
    for (std::uint32_t node = 0; node < edges.size(); ++node)
      if (order_[node] == kNone) search(node);
  }

  std::uint32_t count() const { return count_; }
  std::uint32_t of(std::uint32_t node) const { return number_[node]; }

 private:
  struct Frame {
    std::uint32_t node;
    std::size_t next_edge;
  };

  void enter(std::uint32_t node) {
    order_[node] = low_[node] = time_++;
    open_.push_back(node);
    path_.push_back({node, 0});
  }

  void search(std::uint32_t start) {
    enter(start);
    while (!path_.empty()) {
      Frame& frame = path_.back();
      const std::uint32_t node = frame.node;
      if (frame.next_edge < edges_[node].size()) {
        const std::uint32_t to = edges_[node][frame.next_edge++];
        if (order_[to] == kNone)
          enter(to);
        else if (number_[to] == kNone)
          low_[node] = std::min(low_[node], order_[to]);
        continue;
      }
      path_.pop_back();
      if (!path_.empty()) low_[path_.back().node] = std::min(low_[path_.back().node], low_[node]);
      if (low_[node] == order_[node]) close(node);
    }
  }

  void close(std::uint32_t node) {
    std::uint32_t member;
    do {
      member = open_.back();
      open_.pop_back();
      number_[member] = count_;
    } while (member != node);
    ++count_;
  }

  const std::vector<std::vector<std::uint32_t>>& edges_;
  std::vector<std::uint32_t> number_;
  std::vector<std::uint32_t> low_;
  std::vector<std::uint32_t> order_;
  std::vector<std::uint32_t> open_;
  std::vector<Frame> path_;
  std::uint32_t time_ = 0;
  std::uint32_t count_ = 0;
};

/// The shortest way from `start` back to itself.
std::vector<std::uint32_t> shortest_circle(const std::vector<std::vector<std::uint32_t>>& edges,
                                           std::uint32_t start) {
  std::vector<std::uint32_t> from(edges.size(), kNone);
  std::vector<std::uint32_t> queue{start};
  for (std::size_t i = 0; i < queue.size(); ++i) {
    const std::uint32_t node = queue[i];
    for (const std::uint32_t to : edges[node]) {
      if (to == start) {
        std::vector<std::uint32_t> circle;
        for (std::uint32_t step = node; step != start; step = from[step]) circle.push_back(step);
        circle.push_back(start);
        std::reverse(circle.begin(), circle.end());
        return circle;
      }
      if (from[to] != kNone) continue;
      from[to] = node;
      queue.push_back(to);
    }
  }
  return {start};
}

}  // namespace

WaitGraph::WaitGraph(const StateIndex& index) : index_(index) {
  const EndState& state = index.state();
  first_writer_waiting_.resize(state.objects.size(), kNone);
  for (std::uint32_t i = 0; i < state.tasks.size(); ++i) {
    const TaskState& task = state.tasks[i];
    if (task.status != TaskStatus::kParked || is_over(state, task)) continue;
    for (const Wait& wait : task.waits)
      if (wait.operation == Operation::kLock)
        if (const std::uint32_t object = index.object_index(wait.object); object != kNone)
          first_writer_waiting_[object] = std::min(first_writer_waiting_[object], i);
  }

  rules_.resize(state.tasks.size());
  for (std::uint32_t i = 0; i < state.tasks.size(); ++i) {
    const TaskState& task = state.tasks[i];
    if (task.status != TaskStatus::kParked || is_over(state, task)) continue;
    for (const Wait& wait : task.waits) rules_[i].push_back(make_rule(i, wait));
  }

  const std::vector<bool> is_free = free_tasks(false);
  for (std::uint32_t i = 0; i < is_free.size() && first_that_goes_on_ == kNone; ++i)
    if (is_free[i]) first_that_goes_on_ = i;
  const bool strangers_may_help = first_that_goes_on_ != kNone || state.foreign_threads > 0;
  const std::vector<bool> may_be_free = strangers_may_help ? free_tasks(true) : is_free;
  for (std::uint32_t i = 0; i < state.tasks.size(); ++i) {
    if (is_over(state, state.tasks[i]))
      fates_.push_back(Fate::kOver);
    else if (is_free[i])
      fates_.push_back(Fate::kGoesOn);
    else
      fates_.push_back(may_be_free[i] ? Fate::kDoubtful : Fate::kStuck);
  }
}

std::vector<TaskId> helpers_of(const Wait& wait, const ObjectState& object) {
  std::vector<TaskId> helpers = wait.operation == Operation::kSend ? object.takers : object.givers;
  // Whoever has taken from a semaphore is expected to give back.
  if (wait.operation == Operation::kSemaphoreAcquire)
    helpers.insert(helpers.end(), object.takers.begin(), object.takers.end());
  return helpers;
}

WaitRule WaitGraph::make_rule(std::uint32_t task, const Wait& wait) const {
  using Kind = WaitRule::Kind;
  const EndState& state = index_.state();
  if (wait.has_deadline || wait.operation == Operation::kSleep ||
      wait.operation == Operation::kYield)
    return {Kind::kReady, {}};
  if (wait.is_nil_channel) return {Kind::kNever, {}};
  if (wait.operation == Operation::kTaskJoin) {
    const std::uint32_t joined = index_.task_index(wait.task);
    if (joined == kNone) return {Kind::kAny, {}};
    const bool is_body_over = state.tasks[joined].is_body && state.body_ended;
    if (is_over(state, state.tasks[joined]) && !is_body_over) return {Kind::kReady, {}};
    return {Kind::kAll, {joined}};
  }

  const ObjectState* const object = index_.object(wait.object);
  if (object == nullptr) return {Kind::kAny, {}};
  if (object->is_destroyed) return {Kind::kNever, {}};
  if (is_ready(wait, *object)) return {Kind::kReady, {}};
  if (wait.operation == Operation::kLock || wait.operation == Operation::kLockShared)
    return lock_rule(task, wait, *object);
  if (!object->holders.empty()) return lock_rule(task, wait, *object);  // A call of a `Once`.

  WaitRule rule{Kind::kAny, {}};
  for (const TaskId helper : helpers_of(wait, *object)) {
    const std::uint32_t position = index_.task_index(helper);
    if (position == kNone || is_over(state, state.tasks[position])) continue;
    if (std::find(rule.tasks.begin(), rule.tasks.end(), position) == rule.tasks.end())
      rule.tasks.push_back(position);
  }
  return rule;
}

WaitRule WaitGraph::lock_rule(std::uint32_t task, const Wait& wait,
                              const ObjectState& object) const {
  WaitRule rule{WaitRule::Kind::kAll, {}};
  const bool is_shared = wait.operation == Operation::kLockShared;
  for (const Holder& holder : object.holders) {
    if (is_shared && holder.is_shared) continue;
    const std::uint32_t position = index_.task_index(holder.task);
    if (position != kNone) rule.tasks.push_back(position);
  }
  // Writers go first: a reader waits behind the writers that wait. One of them is enough here,
  // since all of them wait for the same readers.
  if (is_shared && rule.tasks.empty()) {
    const std::uint32_t writer = first_writer_waiting_[index_.object_index(object.id)];
    if (writer != kNone && writer != task) rule.tasks.push_back(writer);
  }
  std::sort(rule.tasks.begin(), rule.tasks.end());
  rule.tasks.erase(std::unique(rule.tasks.begin(), rule.tasks.end()), rule.tasks.end());
  if (rule.tasks.empty()) rule.kind = WaitRule::Kind::kReady;
  return rule;
}

/// The least set that holds every task that runs, and with them every task that one of its waits
/// lets go on once those in the set have acted.
std::vector<bool> WaitGraph::free_tasks(bool strangers_may_help) const {
  struct Condition {
    std::uint32_t owner;
    std::uint32_t missing;  // How many more tasks must be free.
  };
  const EndState& state = index_.state();
  std::vector<bool> is_free(state.tasks.size(), false);
  std::vector<std::uint32_t> found;
  const auto set_free = [&](std::uint32_t task) {
    if (is_free[task]) return;
    is_free[task] = true;
    found.push_back(task);
  };

  std::vector<Condition> conditions;
  std::vector<std::vector<std::uint32_t>> dependents(state.tasks.size());
  for (std::uint32_t i = 0; i < state.tasks.size(); ++i) {
    if (state.tasks[i].status == TaskStatus::kRunning && !is_over(state, state.tasks[i]))
      set_free(i);
    for (const WaitRule& rule : rules_[i]) {
      const bool is_any = rule.kind == WaitRule::Kind::kAny;
      if (rule.kind == WaitRule::Kind::kReady || (is_any && strangers_may_help)) set_free(i);
      if (rule.tasks.empty()) continue;
      const auto condition = static_cast<std::uint32_t>(conditions.size());
      conditions.push_back({i, is_any ? 1 : static_cast<std::uint32_t>(rule.tasks.size())});
      for (const std::uint32_t task : rule.tasks) dependents[task].push_back(condition);
    }
  }
  while (!found.empty()) {
    const std::uint32_t task = found.back();
    found.pop_back();
    for (const std::uint32_t condition : dependents[task])
      if (conditions[condition].missing > 0 && --conditions[condition].missing == 0)
        set_free(conditions[condition].owner);
  }
  return is_free;
}

std::vector<std::vector<std::uint32_t>> WaitGraph::roots(const std::vector<bool>& is_member) const {
  std::vector<std::vector<std::uint32_t>> edges(rules_.size());
  for (std::uint32_t i = 0; i < rules_.size(); ++i)
    if (is_member[i])
      for_each_edge(i, [&](std::uint32_t to, bool) {
        if (is_member[to]) edges[i].push_back(to);
      });

  const Components components(edges);
  std::vector<bool> is_terminal(components.count(), true);
  for (std::uint32_t i = 0; i < edges.size(); ++i)
    for (const std::uint32_t to : edges[i])
      if (components.of(to) != components.of(i)) is_terminal[components.of(i)] = false;

  std::vector<std::vector<std::uint32_t>> roots;
  std::vector<std::uint32_t> root_of(components.count(), kNone);
  for (std::uint32_t i = 0; i < edges.size(); ++i) {
    const std::uint32_t component = components.of(i);
    if (!is_member[i] || !is_terminal[component]) continue;
    if (root_of[component] == kNone) {
      root_of[component] = static_cast<std::uint32_t>(roots.size());
      roots.emplace_back();
    }
    roots[root_of[component]].push_back(i);
  }
  return roots;
}

std::vector<std::uint32_t> WaitGraph::cycle(const std::vector<std::uint32_t>& component) const {
  const auto position_of = [&](std::uint32_t task) {
    const auto found = std::lower_bound(component.begin(), component.end(), task);
    return found != component.end() && *found == task
               ? static_cast<std::uint32_t>(found - component.begin())
               : kNone;
  };
  std::vector<std::vector<std::uint32_t>> edges(component.size());
  std::vector<std::vector<std::uint32_t>> definite(component.size());
  for (std::uint32_t i = 0; i < component.size(); ++i)
    for_each_edge(component[i], [&](std::uint32_t to, bool is_definite) {
      const std::uint32_t position = position_of(to);
      if (position == kNone) return;
      edges[i].push_back(position);
      if (is_definite) definite[i].push_back(position);
    });

  std::vector<std::uint32_t> circle = shortest_circle(edges, 0);
  const Components components(definite);
  std::vector<std::uint32_t> sizes(components.count(), 0);
  for (std::uint32_t i = 0; i < definite.size(); ++i) ++sizes[components.of(i)];
  for (std::uint32_t i = 0; i < definite.size(); ++i) {
    const bool is_loop = std::find(definite[i].begin(), definite[i].end(), i) != definite[i].end();
    if (sizes[components.of(i)] < 2 && !is_loop) continue;
    circle = shortest_circle(definite, i);
    break;
  }
  for (std::uint32_t& member : circle) member = component[member];
  return circle;
}

std::vector<std::uint32_t> WaitGraph::root_behind(
    const std::vector<std::vector<std::uint32_t>>& roots,
    const std::vector<bool>& is_member) const {
  std::vector<std::vector<std::uint32_t>> waiting_for(rules_.size());
  for (std::uint32_t i = 0; i < rules_.size(); ++i)
    if (is_member[i])
      for_each_edge(i, [&](std::uint32_t to, bool) {
        if (is_member[to]) waiting_for[to].push_back(i);
      });

  std::vector<std::uint32_t> root_of(rules_.size(), kNone);
  std::vector<std::uint32_t> queue;
  for (std::uint32_t root = 0; root < roots.size(); ++root)
    for (const std::uint32_t task : roots[root]) {
      root_of[task] = root;
      queue.push_back(task);
    }
  for (std::size_t i = 0; i < queue.size(); ++i)
    for (const std::uint32_t task : waiting_for[queue[i]]) {
      if (root_of[task] != kNone) continue;
      root_of[task] = root_of[queue[i]];
      queue.push_back(task);
    }
  return root_of;
}

bool WaitGraph::waits_for_itself(std::uint32_t task) const {
  bool found = false;
  for_each_edge(task,
                [&](std::uint32_t to, bool is_definite) { found |= to == task && is_definite; });
  return found;
}

}  // namespace chantrace
