#include "strategies.h"

#include <charconv>

#include "depth_first.h"
#include "deviation_sweep.h"
#include "greybox.h"
#include "partial_order_sampling.h"
#include "portfolio.h"
#include "priority_schedule.h"
#include "random_walk.h"
#include "selective_uniform_walk.h"
#include "site_uniform_walk.h"

namespace chantrace {

using Kind = SearchStrategy::Kind;

std::string to_string(const SearchStrategy& strategy) {
  switch (strategy.kind) {
    case Kind::kPortfolio:
      return "portfolio";
    case Kind::kRandomWalk:
      return "random";
    case Kind::kPartialOrderSampling:
      return "pos";
    case Kind::kSelectiveUniform:
      return "surw";
    case Kind::kSiteUniform:
      return "site";
    case Kind::kSweep:
      return "sweep";
    case Kind::kGreybox:
      return "greybox";
    case Kind::kPriorities:
      return "pct:" + std::to_string(strategy.parameter);
    case Kind::kDepthFirst:
      return strategy == depth_first() ? "dfs" : "dfs:" + std::to_string(strategy.parameter);
  }
  return {};
}

std::optional<SearchStrategy> parse_search_strategy(std::string_view text) {
  if (text == "portfolio") return portfolio();
  if (text == "random") return random_walk();
  if (text == "pos") return partial_order_sampling();
  if (text == "pct") return priorities();
  if (text == "surw") return selective_uniform_walk();
  if (text == "site") return site_uniform_walk();
  if (text == "sweep") return deviation_sweep();
  if (text == "greybox") return greybox();
  if (text == "dfs") return depth_first();
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const std::string_view digits = text.substr(colon + 1);
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  if (text.starts_with("pct:") && number >= 1 && number <= 100) return priorities(number);
  if (text.starts_with("dfs:")) return depth_first(number);
  return std::nullopt;
}

std::optional<Shard> parse_shard(std::string_view text) {
  Shard shard;
  const char* const end = text.data() + text.size();
  const auto index = std::from_chars(text.data(), end, shard.index);
  if (index.ec != std::errc() || index.ptr == end || *index.ptr != '/') return std::nullopt;
  const auto count = std::from_chars(index.ptr + 1, end, shard.count);
  if (count.ec != std::errc() || count.ptr != end || shard.index >= shard.count)
    return std::nullopt;
  return shard;
}

namespace detail {

std::unique_ptr<Strategy> make_strategy(const SearchStrategy& strategy, std::uint64_t schedules,
                                        const Shard& shard) {
  switch (strategy.kind) {
    case Kind::kRandomWalk:
      return std::make_unique<RandomWalk>();
    case Kind::kPartialOrderSampling:
      return std::make_unique<PartialOrderSampling>();
    case Kind::kPriorities:
      return std::make_unique<PrioritySchedule>(strategy.parameter);
    case Kind::kDepthFirst:
      return std::make_unique<DepthFirst>(strategy.parameter, shard);
    case Kind::kSelectiveUniform:
      return std::make_unique<SelectiveUniformWalk>();
    case Kind::kSiteUniform:
      return std::make_unique<SiteUniformWalk>();
    case Kind::kSweep:
      return std::make_unique<DeviationSweep>(shard);
    case Kind::kGreybox:
      return std::make_unique<Greybox>();
    case Kind::kPortfolio:
      break;
  }
  return std::make_unique<Portfolio>(schedules / shard.count, shard);
}

bool is_enumerating(const SearchStrategy& strategy) {
  return strategy.kind == Kind::kDepthFirst || strategy.kind == Kind::kSweep;
}

}  // namespace detail
}  // namespace chantrace
