// A user registers, verifies the address within days, gets a workspace and a trial, and receives a welcome
// message.
//
// From document 2 (the workflow system): "Real-World Examples / User Onboarding with Verification".
//
// Corrected: The document names resend_or_expire but does not define it; here it sends the link again each
// day, for three days. The document deletes the account in a rollback and then marks it as failed; here the
// handler only logs the failure. E-mails that are due in twelve days cannot be sent by a workflow that ends
// now; here they are handed over as a list.
//
// To run it, deploy it on a host as docs/tutorial.md shows. The last command is the verification; a local run
// cannot receive one:
//   pirn run start user_onboarding --input '{"email": "alice@example.com", "name": "Alice"}'
//   pirn run resume @paused --context '{"email_verified": true}'
#include <pirn/pirn.hpp>
#include <string>

using namespace pirn::literals;

// ---- what happens when it goes wrong

PIRN_ROLLBACK(delete_account) {
  ctx.info("deleted " + ctx.get<std::string>("user_id"));
  return pirn::ok();
}
PIRN_HANDLER(cleanup_failed_signup) {
  ctx.warn("signup of " + ctx.get<std::string>("email") +
           " failed: " + ctx.get<pirn::json::View>("__error__").get<std::string>("code"));
  return pirn::ok();
}

// ---- steps 1 and 2: the account, and the link

PIRN_STEP(create_account, {.rollback = delete_account}) {
  const auto email = ctx.get<std::string>("email");
  if (email.find('@') == std::string::npos)
    return pirn::fail("invalid_email", "\"" + email + "\" is no e-mail address", pirn::terminal);
  return pirn::ok({{"user_id", "user:" + email}, {"registered_at_ns", ctx.now_ns()}});
}
PIRN_STEP(send_verification_email, {.after = create_account}) {
  ctx.info("sent the link to " + ctx.get<std::string>("email"));
  return pirn::ok({{"verification_token", "token:" + std::string(ctx.execution())}});
}

// ---- step 3: the user clicks the link, which is `pirn run resume RUN --context '{"email_verified": true}'`

PIRN_HANDLER(resend_or_expire) {
  const auto waited =
      pirn::Duration::nanoseconds(static_cast<int64_t>(ctx.now_ns() - ctx.get<uint64_t>("registered_at_ns")));
  if (waited >= 72_h) return pirn::fail("verification_expired", "the link was not used", pirn::terminal);
  ctx.info("sent the link again to " + ctx.get<std::string>("email"));
  return pirn::await({.timeout = 24_h, .on_timeout = "resend_or_expire"});
}
PIRN_STEP(await_email_verification, {.after = send_verification_email, .await_approval = true}) {
  return pirn::await({.timeout = 24_h, .on_timeout = resend_or_expire});
}

// ---- step 4, side by side: what a verified user has

PIRN_STEP(create_default_settings, {.after = await_email_verification,
                                    .group = "setup",
                                    .when = pirn::path("email_verified") == true}) {
  return pirn::ok({{"settings_id", "settings:" + ctx.get<std::string>("user_id")}});
}
PIRN_STEP(create_default_workspace, {.after = await_email_verification,
                                     .group = "setup",
                                     .when = pirn::path("email_verified") == true}) {
  return pirn::ok({{"workspace_id", "workspace:" + ctx.get<std::string>("user_id")}});
}
PIRN_STEP(provision_storage, {.after = await_email_verification,
                              .group = "setup",
                              .when = pirn::path("email_verified") == true}) {
  return pirn::ok({{"storage_bucket", "bucket:" + ctx.get<std::string>("user_id")}});
}

// ---- step 5: nobody who is not verified gets a trial

PIRN_STEP(create_trial_subscription, {.after_group = "setup"}) {
  return pirn::ok({{"subscription_id", "trial:" + ctx.get<std::string>("user_id")},
                   {"trial_ends_at_ns", ctx.now_ns() + static_cast<uint64_t>(pirn::Duration(14_d).ns())}});
}

// ---- steps 6 and 7: welcome, and count

PIRN_STEP(send_welcome_email, {.after = create_trial_subscription, .on_error = pirn::on_error::keep_going}) {
  ctx.info("welcome, " + ctx.get<std::string>("name"));
  return pirn::ok();
}
PIRN_STEP(schedule_onboarding_emails,
          {.after = create_trial_subscription, .on_error = pirn::on_error::keep_going}) {
  const auto mail = [](int days, const char* name) {
    return pirn::json::object({{"in_days", days}, {"mail", name}});
  };
  return pirn::ok(
      {{"onboarding_emails", pirn::json::array({mail(1, "getting_started"), mail(3, "first_project"),
                                                mail(7, "power_features"), mail(12, "trial_ending")})}});
}
PIRN_STEP(track_signup, {.after = send_welcome_email, .on_error = pirn::on_error::keep_going}) {
  ctx.emit("user_signup", ctx.get<std::string>("user_id"),
           {{"source", ctx.get_or<std::string>("source", "organic")}});
  return pirn::ok();
}

PIRN_WORKFLOW(user_onboarding, {.timeout = 7_d, .on_failure = cleanup_failed_signup}, create_account,
              send_verification_email, await_email_verification, create_default_settings,
              create_default_workspace, provision_storage, create_trial_subscription, send_welcome_email,
              schedule_onboarding_emails, track_signup)

PIRN_PACKAGE("user_onboarding", PIRN_PACKAGE_VERSION, {.description = "From the registration to the trial"},
             user_onboarding, delete_account, cleanup_failed_signup, resend_or_expire)
