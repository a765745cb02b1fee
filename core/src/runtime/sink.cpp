#include "chantrace/sink.h"

#include <map>
#include <mutex>

namespace chantrace {
namespace {

struct Registry {
  std::mutex mutex;
  std::map<std::string, SinkFactory> factories;
};

Registry& registry() {
  // Made on first use, so that other files may register before `main`; never destroyed.
  static Registry& instance = *new Registry;
  return instance;
}

}  // namespace

void register_sink_factory(std::string name, SinkFactory factory) {
  Registry& all = registry();
  const std::lock_guard lock(all.mutex);
  all.factories[std::move(name)] = std::move(factory);
}

std::vector<std::string> sink_factory_names() {
  Registry& all = registry();
  const std::lock_guard lock(all.mutex);
  std::vector<std::string> names;
  for (const auto& [name, factory] : all.factories) names.push_back(name);
  return names;
}

std::shared_ptr<Sink> make_sink(const std::string& name, const std::string& argument) {
  SinkFactory factory;
  {
    Registry& all = registry();
    const std::lock_guard lock(all.mutex);
    const auto found = all.factories.find(name);
    if (found == all.factories.end()) return nullptr;
    factory = found->second;
  }
  return factory(argument);
}

}  // namespace chantrace
