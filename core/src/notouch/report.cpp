#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

#include "chantrace/detail/printable.h"
#include "chantrace/no_touch.h"

namespace chantrace {
namespace {

// Of the locks that threads wait for, so many are printed; the JSON has more.
constexpr std::size_t kShownLocksMax = 4;

/// In UTC, as ISO 8601 has it, with milliseconds. Without `gmtime_r`: its lock would stay locked in
/// a child that the program forks meanwhile, and it reads the environment.
std::string to_iso(NoTouchTime time) {
  using std::chrono::milliseconds;
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(std::chrono::floor<milliseconds>(time - day));
  char text[64];
  std::snprintf(
      text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", static_cast<int>(date.year()),
      static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
      static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
      static_cast<int>(clock.seconds().count()), static_cast<int>(clock.subseconds().count()));
  return text;
}

/// Writes one JSON value; commas come by themselves.
class JsonWriter {
 public:
  JsonWriter& key(std::string_view name) {
    separate();
    append_string(name);
    text_ += ": ";
    has_element_ = false;
    return *this;
  }
  void string(std::string_view value) {
    separate();
    append_string(value);
  }
  /// 64 bits do not fit into the numbers of all readers, so they are text.
  void wide_number(std::int64_t value) { string(std::to_string(value)); }
  void number(std::int64_t value) { raw(std::to_string(value)); }
  void boolean(bool value) { raw(value ? "true" : "false"); }
  void open(char bracket) {
    separate();
    text_ += bracket;
    has_element_ = false;
  }
  void close(char bracket) {
    text_ += bracket;
    has_element_ = true;
  }
  std::string take() { return std::move(text_); }

 private:
  void separate() {
    if (has_element_) text_ += ", ";
    has_element_ = true;
  }
  void raw(std::string_view value) {
    separate();
    text_ += value;
  }
  /// Texts of a report are printable: of what JSON forbids, only quotes and backslashes are left.
  void append_string(std::string_view value) {
    text_ += '"';
    for (const char c : detail::printable(value)) {
      if (c == '"' || c == '\\') text_ += '\\';
      text_ += c;
    }
    text_ += '"';
  }

  std::string text_;
  bool has_element_ = false;
};

void write_strings(JsonWriter& json, const std::vector<std::string>& strings) {
  json.open('[');
  for (const std::string& text : strings) json.string(text);
  json.close(']');
}

void write(JsonWriter& json, const NoTouchHotspot& hotspot) {
  json.open('{');
  json.key("state").string(hotspot.state);
  json.key("top_frame").string(hotspot.top_frame);
  json.key("count").number(static_cast<std::int64_t>(hotspot.count));
  json.key("persistent").boolean(hotspot.is_persistent);
  json.key("waits_on").string(hotspot.waits_on);
  write_strings(json.key("frames"), hotspot.frames);
  write_strings(json.key("places"), hotspot.places);
  json.close('}');
}

void write(JsonWriter& json, const NoTouchWait& wait) {
  json.open('{');
  json.key("state").string(wait.state);
  json.key("name").string(wait.name);
  json.key("count").number(static_cast<std::int64_t>(wait.count));
  json.key("holder").string(wait.holder);
  json.close('}');
}

void write(JsonWriter& json, const NoTouchIncident& incident) {
  json.open('{');
  json.key("trigger").string(to_string(incident.trigger));
  json.key("reason").string(incident.reason);
  json.key("triggered_at").string(to_iso(incident.triggered_at));
  json.key("resolved_at").string(to_iso(incident.resolved_at));
  json.key("peak_threads").number(static_cast<std::int64_t>(incident.peak_threads));
  json.key("peak_delta").number(incident.peak_delta);
  json.key("stuck_threads").number(static_cast<std::int64_t>(incident.stuck_threads));
  json.key("hotspots").open('[');
  for (const NoTouchHotspot& hotspot : incident.hotspots) write(json, hotspot);
  json.close(']');
  json.key("waits").open('[');
  for (const NoTouchWait& wait : incident.waits) write(json, wait);
  json.close(']');
  json.close('}');
}

void write(JsonWriter& json, const NoTouchSample& sample) {
  json.open('{');
  json.key("time").string(to_iso(sample.time));
  json.key("threads").number(static_cast<std::int64_t>(sample.threads));
  if (sample.baseline) json.key("baseline").number(static_cast<std::int64_t>(*sample.baseline));
  json.key("trigger_active").boolean(sample.is_triggered);
  json.close('}');
}

std::string with_number(std::size_t number, std::string_view noun) {
  return std::to_string(number) + " " + std::string(noun) + (number == 1 ? "" : "s");
}

}  // namespace

std::string_view to_string(NoTouchMode mode) {
  switch (mode) {
    case NoTouchMode::kDisabled:
      return "disabled";
    case NoTouchMode::kWarmingUp:
      return "warming-up";
    case NoTouchMode::kPassive:
      return "passive";
    case NoTouchMode::kTriggered:
      return "triggered";
    case NoTouchMode::kCooldown:
      return "cooldown";
  }
  return "?";
}

std::string_view to_string(NoTouchTrigger trigger) {
  return trigger == NoTouchTrigger::kGrowth ? "growth" : "stuck";
}

std::string to_text(const NoTouchIncident& incident) {
  std::string text = std::string(to_string(incident.trigger)) + ": " + incident.reason + "\n";
  for (const NoTouchHotspot& hotspot : incident.hotspots) {
    char count[24];
    std::snprintf(count, sizeof count, "%6zu  ", hotspot.count);
    text += count + hotspot.state;
    text += hotspot.top_frame.empty() ? "" : " in " + hotspot.top_frame;
    for (std::size_t i = 0; i < hotspot.places.size(); ++i)
      text += (i == 0 ? " at " : ", ") + hotspot.places[i];
    if (hotspot.is_persistent) text += ", all the time";
    text += "\n";
    if (!hotspot.waits_on.empty()) text += "        on " + hotspot.waits_on + "\n";
    if (hotspot.frames.size() > 1) {
      text += "        called from " + hotspot.frames[1];
      for (std::size_t i = 2; i < hotspot.frames.size(); ++i) text += " < " + hotspot.frames[i];
      text += "\n";
    }
  }
  std::size_t shown = 0;
  for (const NoTouchWait& wait : incident.waits) {
    if (wait.holder.empty() || ++shown > kShownLocksMax) continue;
    text += "  " + wait.name + ": " + with_number(wait.count, "thread") + " wait" +
            (wait.count == 1 ? "s" : "") + ", held by " + wait.holder + "\n";
  }
  if (shown > kShownLocksMax)
    text += "  and " + with_number(shown - kShownLocksMax, "lock") + " more\n";
  return text;
}

std::string to_text(const NoTouchReport& report) {
  std::string text = "no-touch probe: " + std::string(to_string(report.mode)) + ", " +
                     with_number(report.current_threads, "thread");
  if (report.baseline) text += ", baseline " + std::to_string(*report.baseline);
  text += ", " + std::to_string(report.stuck_threads) + " stuck, triggered " +
          with_number(report.trigger_count, "time");
  if (report.last_trigger_at) text += ", last at " + to_iso(*report.last_trigger_at);
  text += "\n";
  for (const NoTouchIncident& incident : report.incidents) text += to_text(incident);
  return text;
}

std::string to_json(const NoTouchReport& report) {
  JsonWriter json;
  json.open('{');
  json.key("version").number(1);
  json.key("enabled").boolean(report.is_enabled);
  json.key("mode").string(to_string(report.mode));
  json.key("timestamp").string(to_iso(report.time));
  json.key("poll_interval_ms").number(report.poll_interval.count());
  if (report.baseline) json.key("baseline").number(static_cast<std::int64_t>(*report.baseline));
  json.key("current_threads").number(static_cast<std::int64_t>(report.current_threads));
  json.key("current_delta").number(report.current_delta);
  json.key("stuck_threads").number(static_cast<std::int64_t>(report.stuck_threads));
  json.key("trigger_active").boolean(report.is_triggered);
  json.key("trigger_count").number(static_cast<std::int64_t>(report.trigger_count));
  if (report.last_trigger_at) json.key("last_trigger_at").string(to_iso(*report.last_trigger_at));
  json.key("probe_cpu_ns").wide_number(report.probe_cpu.count());
  json.key("samples").open('[');
  for (const NoTouchSample& sample : report.samples) write(json, sample);
  json.close(']');
  json.key("recent_incidents").open('[');
  for (const NoTouchIncident& incident : report.incidents) write(json, incident);
  json.close(']');
  json.close('}');
  return json.take() + "\n";
}

}  // namespace chantrace
