/// \file
/// Reading two channels until both are closed. A channel that is closed is always ready to say so;
/// setting the variable to the nil channel, which never is, takes it out of the select.
#include <cstdio>
#include <optional>
#include <string>

#include "chantrace/chantrace.h"

using chantrace::Channel;

Channel<std::string> deliver(const char* name, int letters) {
  const Channel<std::string> mail(name);
  chantrace::go(name, [=] {
    for (int i = 1; i <= letters; ++i) mail.send("letter " + std::to_string(i));
    mail.close();
  });
  return mail;
}

int main() {
  const chantrace::Session session;
  Channel<std::string> morning = deliver("morning", 3);
  Channel<std::string> evening = deliver("evening", 2);

  int letters[2] = {};
  const auto count_or_stop = [](int& count, Channel<std::string>& mail) {
    return [&](const std::optional<std::string>& letter) {
      if (letter.has_value())
        ++count;
      else
        mail = {};
    };
  };
  while (!morning.is_nil() || !evening.is_nil()) {
    chantrace::select(on_recv(morning, count_or_stop(letters[0], morning)),
                      on_recv(evening, count_or_stop(letters[1], evening)));
  }

  std::printf("morning: %d letters\nevening: %d letters\nnothing more will come\n", letters[0],
              letters[1]);
}
