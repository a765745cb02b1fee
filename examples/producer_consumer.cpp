/// \file
/// One task makes orders, another handles them; a small buffer lies between.
///
/// With CHANTRACE=log each operation is a line on the standard error; with
/// CHANTRACE=trace=orders.chantrace there is a trace for `chantrace show`.
#include <cstdio>
#include <string>

#include "chantrace/chantrace.h"

struct Order {
  int id = 0;
  std::string item;
  double price = 0;
};

int main() {
  const chantrace::Session session;
  const chantrace::Channel<Order> orders("orders", 2);
  const chantrace::Channel<double> totals("totals");

  chantrace::go("producer", [=] {
    for (int id = 1; id <= 5; ++id) orders.send({id, "item " + std::to_string(id), 10.99});
    orders.close();
  });

  chantrace::go("consumer", [=] {
    double total = 0;
    for (const Order& order : orders) total += order.price;
    totals.send(total);
  });

  std::printf("5 orders handled, %.2f in all\n", *totals.recv());
}
