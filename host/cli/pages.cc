#include "host/cli/pages.h"

#include <boost/json.hpp>
#include <iostream>

namespace pirn::cli {

namespace bj = boost::json;

Result<bj::value> for_each_row(Client& client, const std::string& target, std::string_view member,
                               std::string after, const std::function<void(const bj::object&)>& visit) {
  for (;;) {
    std::string next = target;
    add_query(next, "after", after);
    add_query(next, "limit", "1000");
    PIRN_TRY(bj::value page, client.call("GET", next));
    for (const bj::value& row : page.at(member).as_array()) visit(row.as_object());
    after = bj::serialize(page.at("cursor"));
    if (!page.at("more").as_bool()) return page;
  }
}

Outcome print_journal(Client& client, const std::string& target, const std::string& after, Format format,
                      const std::function<std::string(const bj::object&)>& line) {
  bj::array all;
  const auto print = [&](const bj::object& event) {
    if (format == Format::json)
      all.push_back(event);
    else if (format == Format::jsonl)
      print_json(event);
    else if (format == Format::id)
      std::cout << shown(event, "seq") << '\n';
    else
      std::cout << line(event) << '\n';
  };
  PIRN_DO(for_each_row(client, target, "events", after, print));
  if (format == Format::json) print_json(all);
  return 0;
}

}  // namespace pirn::cli
