"""What each part of the module uses of Synapse. ``fit`` compares it with the installed Synapse at the start.

Each line names a place (from the ``ModuleApi`` that modules are given, or a Python module of Synapse, with a colon
before the name in it) and, for functions, the parameters. Parameters behind ``*`` are given by name.
"""

from __future__ import annotations

EVERY, IDENTITY_SERVERS, ENDPOINTS = "the module", "identity_servers", "endpoints"

OLDEST = {EVERY: (1, 95), IDENTITY_SERVERS: (1, 95), ENDPOINTS: (1, 114)}
"""The oldest Synapse with which each part works; ``python -m tests.interop.versions`` shows it."""

OLDEST_WORKERS = (1, 139)
"""The oldest Synapse whose workers can change accounts, and so serve the endpoints; before, the main process does."""
IN_MAIN = ("get_set_password_handler()", "get_device_handler()")
"""What workers of an older Synapse do not have; compared in the main process only."""

CALLED = {
    EVERY: (
        "ModuleApi.delayed_background_call(msec, f, *, desc)",
        "ModuleApi.should_run_background_tasks()",
        "ModuleApi.run_db_interaction(desc, func, *args)",
        "ModuleApi.register_web_resource(path, resource)",
        "ModuleApi.server_name",
        "ModuleApi.worker_app",
        "ModuleApi.public_baseurl",
        "synapse.module_api:LoggingTransaction.execute(sql, parameters)",
        "synapse.module_api:LoggingTransaction.fetchall()",
        "synapse.module_api:LoggingTransaction.description",
        "synapse.module_api:LoggingTransaction.database_engine",
        "synapse.module_api:make_deferred_yieldable(deferred)",
        "synapse.module_api:run_in_background(f, *args)",
        "synapse.module_api.errors:ConfigError",
    ),
    IDENTITY_SERVERS: (
        "ModuleApi._hs.signing_key.alg",
        "ModuleApi._hs.signing_key.version",
        "ModuleApi._hs.signing_key.sign(message)",
        "ModuleApi._hs.config.registration.enable_3pid_changes",
        "ModuleApi._hs.config.registration.enable_registration",
        "ModuleApi._hs.config.server.next_link_domain_whitelist",
        "ModuleApi._hs.config.server.request_token_inhibit_3pid_errors",
        (
            "ModuleApi.register_third_party_rules_callbacks(*, on_user_deactivation_status_changed, "
            "on_add_user_third_party_identifier, on_remove_user_third_party_identifier)"
        ),
        "ModuleApi._hs.config.email.email_notif_from",
        "ModuleApi._hs.config.email.email_app_name",
        "ModuleApi._hs.config.email.email_validation_token_lifetime",
        "ModuleApi._hs.config.ratelimiting.rc_3pid_validation.burst_count",
        "ModuleApi._hs.config.ratelimiting.rc_3pid_validation.per_second",
        "ModuleApi._hs.config.server.federation_ip_range_blocklist",
        "ModuleApi._hs.config.server.federation_ip_range_allowlist",
        "synapse.config._base:read_config_files(config_files)",
        "synapse.module_api.errors:SynapseError(code, msg, errcode)",
    ),
    ENDPOINTS: (
        "ModuleApi._hs.get_auth_handler().validate_user_via_ui_auth(requester, request, request_body, description)",
        "ModuleApi._hs.get_auth_handler().add_threepid(user_id, medium, address, validated_at)",
        "ModuleApi._hs.get_auth_handler().delete_local_threepid(user_id, medium, address)",
        "ModuleApi._hs.get_auth_handler().can_change_password()",
        "ModuleApi._hs.get_auth_handler().hash(password)",
        "ModuleApi._hs.get_auth_handler().delete_access_tokens_for_user(user_id)",
        "ModuleApi._hs.get_device_handler().delete_all_devices_for_user(user_id)",
        "ModuleApi._hs.get_auth_handler().checkers",
        "ModuleApi._hs.config.registration.disable_msisdn_registration",
        "ModuleApi._hs.get_datastores().main.get_user_suspended_status(user_id)",
        "ModuleApi.get_threepids_for_user(user_id)",
        "ModuleApi.get_user_by_req(req, *, allow_guest)",
        "ModuleApi.is_user_admin(user_id)",
        "ModuleApi.register_spam_checker_callbacks(*, check_registration_for_spam)",
        "ModuleApi.send_mail(recipient, subject, html, text)",
        "synapse.api.errors:InteractiveAuthIncompleteError",
        "synapse.api.errors:LoginError(code, msg, errcode)",
        "synapse.http.server:JsonResource.register_paths(method, path_patterns, callback, servlet_classname)",
        "synapse.http.site:SynapseRequest.requester",
        "synapse.logging.context:ContextRequest.url",
        "synapse.logging.context:current_context()",
        "synapse.module_api.errors:SynapseError.error_dict(config)",
        "synapse.rest:SERVLET_GROUPS",
        "synapse.spam_checker_api:RegistrationBehaviour",
        "synapse.types:Requester.access_token_id",
        "synapse.types:Requester.is_guest",
        "synapse.types:Requester.user",
        "synapse.util.threepids:check_3pid_allowed(hs, medium, address, registration)",
    ),
}
"""What the module calls or reads. Synapse's functions may have further parameters if those have defaults."""

REPLACED = {
    EVERY: ("synapse.module_api:DirectServeJsonResource._async_render(request)",),
    IDENTITY_SERVERS: ("ModuleApi._hs.get_identity_handler().try_unbind_threepid(mxid, medium, address, id_server)",),
    ENDPOINTS: (
        "ModuleApi._hs.get_set_password_handler().set_password(user_id, password_hash, logout_devices, requester=None)",
        "synapse.handlers.ui_auth.checkers:UserInteractiveAuthChecker.check_auth(authdict, clientip)",
        "synapse.handlers.ui_auth.checkers:UserInteractiveAuthChecker.is_enabled()",
    ),
}
"""What the module replaces. Synapse may give any parameter by position or by name, so all must be the same."""
