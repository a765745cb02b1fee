#include "attach.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "model/naming.h"
#include "model/quantity.h"
#include "model/scene.h"
#include "terminal/polled_scenes.h"
#include "terminal/terminal.h"
#include "web/http.h"

namespace chantrace::replay {

using view::grouped;

namespace {

using Json = nlohmann::json;

constexpr std::chrono::milliseconds kPeriod{250};
constexpr std::chrono::milliseconds kPatience{5'000};
/// What a program may answer; it may be anyone.
constexpr std::size_t kTraceBytesMax = 64'000'000;
constexpr std::size_t kJsonBytesMax = 16'000'000;
constexpr std::size_t kEventsMax = 65'536;

struct AttachOptions {
  std::string address;
  std::size_t events = 10'000;
  Appearance appearance;
};

Site site_from(const Json& json) {
  return {json.at("file").get<std::string>(), json.at("function").get<std::string>(),
          json.at("line").get<std::uint32_t>()};
}

Finding finding_from(const Json& json) {
  Finding finding;
  finding.kind =
      parse_finding_kind(json.at("kind").get<std::string>()).value_or(FindingKind::kUncertain);
  const auto certainty = json.at("certainty").get<std::string>();
  for (const Certainty one : {Certainty::kCertain, Certainty::kPossible, Certainty::kNote})
    if (to_string(one) == certainty) finding.certainty = one;
  finding.task = TaskId{json.at("task_id").get<std::uint32_t>()};
  finding.object = ObjectId{json.at("object_id").get<std::uint32_t>()};
  finding.summary = json.at("summary").get<std::string>();
  finding.reason = json.at("reason").get<std::vector<std::string>>();
  for (const Json& one : json.at("participants"))
    finding.participants.push_back({TaskId{one.at("task_id").get<std::uint32_t>()},
                                    one.at("task").get<std::string>(),
                                    one.at("text").get<std::string>(),
                                    site_from(one.at("site")),
                                    site_from(one.at("started_at")),
                                    {}});
  return finding;
}

/// A program that runs elsewhere.
class Remote {
 public:
  Remote(view::Address address, std::size_t events, Charset charset)
      : address_(std::move(address)), events_(events), charset_(charset) {}

  /// Errors: why there is none.
  Result<std::shared_ptr<const view::Scene>, std::string> fetch_scene() {
    if (version_.empty()) look();
    const auto trace_bytes = fetch("trace?n=" + std::to_string(events_), kTraceBytesMax);
    if (!trace_bytes.has_value()) return trace_bytes.error().reason;
    const auto analysis = fetch("analysis", kJsonBytesMax);
    if (!analysis.has_value()) return analysis.error().reason;
    const std::string& bytes = trace_bytes.value();
    const auto* const begin = reinterpret_cast<const std::byte*>(bytes.data());
    auto trace = from_bytes({begin, begin + bytes.size()}, {.events_max = kEventsMax});
    if (!trace.has_value()) return trace.error().reason;
    auto findings = findings_from_json(analysis.value());
    if (!findings) return std::string("its analysis has another form than that of this version");
    view::Scene scene;
    scene.findings = std::move(*findings);
    // Where traces are made printable, what is found in them is too.
    trace.value().end.emplace().findings = std::move(scene.findings);
    make_brief(trace.value(), charset_);
    scene.findings = std::move(trace.value().end->findings);
    trace.value().end.reset();
    scene.title = fit(view::title_of(trace.value(), address_.host_and_port()), 200, charset_);
    scene.notice = fmt::format("live, {} events so far", grouped(seen_));
    scene.trace = std::move(trace).value();
    return std::shared_ptr<const view::Scene>(
        std::make_shared<const view::Scene>(std::move(scene)));
  }

  /// A newer scene than `shown`, or the same with what went wrong; nullptr: nothing is new.
  std::shared_ptr<const view::Scene> renew(const std::shared_ptr<const view::Scene>& shown) {
    const std::string before = version_;
    const bool is_there = look();
    if (is_there && version_ == before && !is_lost_) return nullptr;
    if (is_there) {
      if (auto scene = fetch_scene(); scene.has_value()) {
        is_lost_ = false;
        return scene.value();
      }
    }
    if (std::exchange(is_lost_, true)) return nullptr;
    view::Scene lost = *shown;
    lost.notice = "connection lost, trying again";
    return std::make_shared<const view::Scene>(std::move(lost));
  }

 private:
  Result<std::string, view::FetchError> fetch(const std::string& what,
                                              std::size_t bytes_max) const {
    return view::fetch(address_, "/debug/chantrace/" + what, bytes_max, kPatience);
  }

  /// Asks what there is. False: nobody answers, or not like this version.
  bool look() {
    const auto report = fetch("report", kJsonBytesMax);
    if (!report.has_value()) return false;
    try {
      const Json json = Json::parse(report.value());
      seen_ = std::stoull(json.at("events").get<std::string>());
      version_ = json.at("version").get<std::string>();
      return true;
    } catch (const std::exception&) {
      return false;
    }
  }

  const view::Address address_;
  const std::size_t events_;
  const Charset charset_;
  std::uint64_t seen_ = 0;  ///< Events there were,
  std::string version_;     ///< and what the program called its state.
  bool is_lost_ = false;
};

ExitCode run_attach(const AttachOptions& options, Context& context) {
  if (const auto reason = view::why_no_terminal()) {
    context.complain(*reason);
    return ExitCode::kUsage;
  }
  auto address = view::parse_address(options.address);
  if (!address.has_value()) {
    context.complain(address.error());
    return ExitCode::kUsage;
  }
  const Charset charset = view::usable_charset(options.appearance.charset());
  Remote remote(std::move(address).value(), options.events, charset);
  const auto first = remote.fetch_scene();
  if (!first.has_value()) {
    context.complain(printable(first.error()));
    return ExitCode::kUnreadable;
  }
  // `make` alone changes what it has shown.
  view::PolledScenes scenes(
      first.value(),
      [&remote, shown = first.value()]() mutable -> std::shared_ptr<const view::Scene> {
        auto newer = remote.renew(shown);
        if (newer != nullptr) shown = newer;
        return newer;
      },
      kPeriod);
  const bool is_colored = options.appearance.palette(context.out).is_colored();
  const auto reason = view::show_in_terminal(scenes, {charset, is_colored});
  if (!reason) return ExitCode::kClean;
  context.complain(*reason);
  return ExitCode::kUsage;
}

}  // namespace

std::optional<std::vector<Finding>> findings_from_json(const std::string& text) {
  try {
    const Json analysis = Json::parse(text);
    std::vector<Finding> findings;
    for (const Json& one : analysis.at("findings")) findings.push_back(finding_from(one));
    return findings;
  } catch (const Json::exception&) {
    return std::nullopt;
  }
}

void add_attach(CLI::App& app, Context& context) {
  CLI::App& command = *app.add_subcommand(
      "attach",
      "shows a running program in the terminal\n\n"
      "The program serves its view: it is linked with chantrace::view, and runs with CHANTRACE=web "
      "or has Options().web(). What it does is shown as \"chantrace tui\" shows a trace, with what "
      "is new; once you step back, what you look at stays. In a browser, open the same address.");
  const auto options = std::make_shared<AttachOptions>();
  command
      .add_option("ADDRESS", options->address,
                  "Where it serves, as it has printed: HOST:PORT, or all of http://...?token=...")
      ->type_name("ADDRESS")
      ->default_str("127.0.0.1:4884");
  command.add_option("--events", options->events, "Shows so many of its last events")
      ->type_name("N")
      ->check(CLI::Range(std::size_t{1}, kEventsMax))
      ->capture_default_str();
  add_appearance(command, options->appearance);
  set_examples(command, {{"A program on this machine:", "chantrace attach 127.0.0.1:4884"}});
  command.callback([options, &context] { context.exit_code = run_attach(*options, context); });
}

}  // namespace chantrace::replay
