// Tenants, API keys, trust.
#include <boost/json.hpp>
#include <iostream>

#include "host/cli/client.h"
#include "host/cli/input.h"
#include "host/cli/terminal.h"
#include "host/cli/verbs.h"
#include "packager/pack/package_file.h"

namespace pirn::cli {

namespace {

namespace bj = boost::json;
using Kind = Column::Kind;

const std::vector<Column> kTenant = {
    {"NAME", "name"},     {"ISOLATION", "isolation"},         {"SIGNATURES", "signatures_required"},
    {"WEIGHT", "weight"}, {"MAX STEPS", "max_running_steps"}, {"CREATED", "created_at", Kind::time},
    {"BY", "created_by"}};
// With what it runs now.
const std::vector<Column> kTenantNow = {{"NAME", "name"},
                                        {"ISOLATION", "isolation"},
                                        {"SIGNATURES", "signatures_required"},
                                        {"WEIGHT", "weight"},
                                        {"MAX STEPS", "max_running_steps"},
                                        {"RUNNING", "running_steps"},
                                        {"WAITING", "waiting_steps"},
                                        {"SHARE", "share"},
                                        {"CREATED", "created_at", Kind::time},
                                        {"BY", "created_by"}};
const std::vector<Column> kKey = {{"ID", "id"},
                                  {"TENANT", "tenant"},
                                  {"ROLE", "role"},
                                  {"STATE", "state", Kind::state},
                                  {"LABEL", "label"},
                                  {"CREATED", "created_at", Kind::time},
                                  {"EXPIRES", "expires_at", Kind::time}};
const std::vector<Column> kTrust = {
    {"KEY ID", "key_id"}, {"PUBLISHER", "publisher"},      {"PACKAGES", "packages"},
    {"ROLE", "role"},     {"STATE", "state", Kind::state}, {"ADDED", "added_at", Kind::time}};

Outcome list(const Arguments& arguments, std::string_view noun, std::string_view member,
             const std::vector<Column>& columns, std::string_view id, std::string_view nothing) {
  PIRN_TRY(const Format format, format_of(arguments));
  PIRN_TRY(Client client, Client::open(arguments));
  PIRN_TRY(const bj::value answer, client.call("GET", path({noun})));
  print_rows(answer.at(member).as_array(), columns, format, id, nothing);
  return 0;
}

// A duration that the host will understand, checked here so that the mistake is the command line's.
Status put_duration(const Arguments& arguments, std::string_view option, bj::object& body) {
  if (!arguments.has(option)) return {};
  PIRN_DO(duration_of(arguments, option));
  body["expires_in"] = arguments.get(option);
  return {};
}

// What the tenant may use of the host's slots.
Status put_slots(const Arguments& arguments, bj::object& body) {
  if (arguments.has("weight")) {
    PIRN_TRY(body["weight"], number_of(arguments, "weight"));
  }
  if (!arguments.has("max-running-steps")) return {};
  if (arguments.get("max-running-steps") == "none") {
    body["max_running_steps"] = nullptr;
    return {};
  }
  PIRN_TRY(body["max_running_steps"], number_of(arguments, "max-running-steps"));
  return {};
}

void warn_of_trust(const std::string& tenant) {
  note("");
  note("WARNING: the code of tenant '" + printable(tenant) +
       "' will run INSIDE the host process. It can read the data of every");
  note(
      "         tenant and can stop the host. This is recorded as the operator's decision to trust that "
      "code.");
}

}  // namespace

Outcome tenant_create(const Arguments& arguments) {
  PIRN_TRY(const Format format, format_of(arguments));
  PIRN_TRY(Client client, Client::open(arguments));
  bj::object body{{"name", arguments.get("name")}, {"isolation", arguments.get("isolation", "worker")}};
  if (arguments.has("signatures")) {
    PIRN_TRY(body["signatures_required"], number_of(arguments, "signatures"));
  }
  PIRN_DO(put_slots(arguments, body));
  PIRN_TRY(const bj::value answer, client.call("POST", path({"tenants"}), bj::serialize(body)));
  const bj::object& tenant = answer.as_object();
  print_object(tenant, kTenant, format, "name");
  const std::string name = text_of(tenant, "name");
  if (text_of(tenant, "isolation") == "in-process") {
    warn_of_trust(name);
  } else {
    note(
        "Packages of this tenant need worker processes, which this version does not support yet, so its "
        "deployments are");
    note("refused. If you trust its code like the host itself: pirn tenant set " + printable(name) +
         " --isolation in-process");
  }
  suggest("pirn trust add --key KEY.pub --publisher NAME --tenant " + name);
  return 0;
}

Outcome tenant_set(const Arguments& arguments) {
  PIRN_TRY(const Format format, format_of(arguments));
  bj::object body;
  if (arguments.has("isolation")) body["isolation"] = arguments.get("isolation");
  if (arguments.has("signatures")) {
    PIRN_TRY(body["signatures_required"], number_of(arguments, "signatures"));
  }
  PIRN_DO(put_slots(arguments, body));
  if (body.empty())
    return Error{Code::usage, "the command does not say what to change",
                 "Add --isolation, --signatures, --weight or --max-running-steps."};
  PIRN_TRY(Client client, Client::open(arguments));
  PIRN_TRY(const bj::value answer,
           client.call("POST", path({"tenants", arguments.get("name")}), bj::serialize(body)));
  print_object(answer.as_object(), kTenant, format, "name");
  if (arguments.get("isolation") == "in-process") warn_of_trust(arguments.get("name"));
  return 0;
}

Outcome tenant_list(const Arguments& arguments) {
  return list(arguments, "tenants", "tenants", kTenantNow, "name",
              "There are no tenants yet: pirn tenant create NAME");
}

Outcome tenant_show(const Arguments& arguments) {
  PIRN_TRY(const Format format, format_of(arguments));
  PIRN_TRY(Client client, Client::open(arguments));
  PIRN_TRY(const bj::value answer, client.call("GET", path({"tenants", arguments.get("name")})));
  print_object(answer.as_object(), kTenantNow, format, "name");
  return 0;
}

Outcome key_create(const Arguments& arguments) {
  PIRN_TRY(const Format format, format_of(arguments));
  PIRN_TRY(Client client, Client::open(arguments));
  bj::object body{{"role", arguments.get("role", "runner")}, {"label", arguments.get("label")}};
  PIRN_DO(put_duration(arguments, "expires", body));
  PIRN_TRY(const bj::value answer, client.call("POST", path({"keys"}), bj::serialize(body)));
  const bj::object& key = answer.as_object();
  if (format == Format::table) {
    // The token alone is the data, so that it can be taken by a script.
    std::cout << shown(key, "token") << '\n';
    note("key " + shown(key, "id") + ", role " + shown(key, "role") +
         ": the token is shown only now and is not stored.");
    suggest("PIRN_KEY=… pirn run ls --server http://ADDRESS:PORT");
    return 0;
  }
  print_object(key, kKey, format, "id");
  return 0;
}

Outcome key_list(const Arguments& arguments) {
  return list(arguments, "keys", "keys", kKey, "id",
              "There are no API keys yet: pirn key create --role ROLE");
}

Outcome key_revoke(const Arguments& arguments) {
  PIRN_TRY(const Format format, format_of(arguments));
  PIRN_TRY(Client client, Client::open(arguments));
  PIRN_TRY(const bj::value answer, client.call("DELETE", path({"keys", arguments.get("id")})));
  print_object(answer.as_object(), kKey, format, "id");
  return 0;
}

Outcome trust_add(const Arguments& arguments) {
  PIRN_TRY(const Format format, format_of(arguments));
  if (!arguments.has("key"))
    return Error{Code::usage, "'pirn trust add' needs --key KEY.pub",
                 "It is the public key file that pirn key generate wrote."};
  if (!arguments.has("publisher"))
    return Error{Code::usage, "'pirn trust add' needs --publisher NAME",
                 "It is the publisher in package.toml; pirn inspect shows it."};
  PIRN_TRY(const signature::PublicKey key, pack::load_public_key(arguments.get("key")));
  PIRN_TRY(Client client, Client::open(arguments));
  bj::object body{{"publisher", arguments.get("publisher")},
                  {"key", key.text()},
                  {"packages", arguments.get("package", "*")},
                  {"role", arguments.get("role", "sign")}};
  PIRN_DO(put_duration(arguments, "expires", body));
  PIRN_TRY(const bj::value answer, client.call("POST", path({"trust"}), bj::serialize(body)));
  print_object(answer.as_object(), kTrust, format, "key_id");
  suggest("pirn push NAME-VERSION.pirn" + client.context_options());
  return 0;
}

Outcome trust_list(const Arguments& arguments) {
  return list(arguments, "trust", "trust", kTrust, "key_id",
              "This tenant trusts no signing keys yet: pirn trust add --key KEY.pub --publisher NAME");
}

Outcome trust_revoke(const Arguments& arguments) {
  PIRN_TRY(const Format format, format_of(arguments));
  PIRN_TRY(Client client, Client::open(arguments));
  // A .pub file or the key itself is as good as its id.
  std::string key = arguments.get("key");
  if (const auto loaded = pack::load_public_key(key)) key = loaded->id().hex();
  std::string target = path({"trust", key});
  add_query(target, "reason", arguments.get("reason", "retired"));
  PIRN_TRY(const bj::value answer, client.call("DELETE", target));
  print_rows(answer.at("trust").as_array(), kTrust, format, "key_id", "");
  return 0;
}

}  // namespace pirn::cli
