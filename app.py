"""The web application: settings, extensions, blueprints, errors. Creating it does no I/O."""

from __future__ import annotations

from flask import Blueprint, Flask

from blueprints import (
    auth,
    bot_api,
    my_account,
    panel,
    payments,
    redirects,
    status,
    system,
    two_step,
    webhooks,
)
from blueprints.api import (
    account,
    analytics,
    audit,
    bot_events,
    bot_files,
    bots,
    broadcasts,
    clicks,
    configurations,
    conversations,
    dead_letters,
    destinations,
    experiments,
    files,
    flow_files,
    flows,
    goals,
    keys,
    lifeboat,
    managed_bots,
    media,
    notifications,
    openapi,
    payment_webhooks,
    people,
    people_list,
    plugin_files,
    plugins,
    pool_behaviour,
    pools,
    postbacks,
    queues,
    rules,
    runtime,
    segments,
    spend,
    status_page,
    stores,
    switches,
    texts,
    worker_bots,
)
from commands import accounts as account_commands
from commands import audit as audit_commands
from commands import backup as backup_commands
from commands import bots as bot_commands
from commands import clicks as click_commands
from commands import database, doctor
from commands import dead_letters as dead_letter_commands
from commands import keys as key_commands
from commands import people as people_commands
from commands import plugins as plugin_commands
from commands import retention as retention_commands
from commands import secrets as secret_commands
from commands import switches as switch_commands
from commands import workers as worker_commands
from services.fleet import plugin_catalogue
from services.platform.platform import Platform, build_platform
from web import (
    api_hooks,
    compression,
    errors,
    fast_path,
    i18n,
    limiter,
    login,
    proxies,
    routes,
    security,
    static_files,
    url_ids,
)
from web.platform import EXTENSION
from web.session_cookie import SessionCookie

PAGES = (redirects, webhooks, auth, my_account, two_step, system, panel, status, bot_api, payments)
RESOURCES = (
    managed_bots,
    bots,
    files,
    texts,
    configurations,
    stores,
    bot_events,
    pool_behaviour,
    pools,
    rules,
    experiments,
    flows,
    flow_files,
    goals,
    broadcasts,
    payment_webhooks,
    postbacks,
    spend,
    clicks,
    analytics,
    lifeboat,
    people,
    people_list,
    media,
    segments,
    conversations,
    dead_letters,
    switches,
    queues,
    keys,
    audit,
    account,
    status_page,
    notifications,
    destinations,
    plugin_files,
    bot_files,
    plugins,
    runtime,
    openapi,
)  # under /api/v1
FAST = {"/go/": redirects.answer_early, "/webhook/": webhooks.answer_early}
COMMANDS = (
    account_commands,
    audit_commands,
    backup_commands,
    bot_commands,
    key_commands,
    click_commands,
    dead_letter_commands,
    people_commands,
    retention_commands,
    switch_commands,
    doctor,
    plugin_commands,
    secret_commands,
    worker_commands,
    database,
)  # `flask --app wsgi <group> …`


def create_app(platform: Platform | None = None) -> Flask:
    """The application of `platform`, or of one made from the environment, with all that answers requests on it."""
    platform = platform or build_platform()
    app = platform.app
    plugin_catalogue.configure(platform.settings)
    app.config.update(
        SECRET_KEY=platform.settings.secret_key.get_secret_value(),
        MAX_CONTENT_LENGTH=1_000_000,  # an update is never larger
    )
    app.session_interface = SessionCookie()
    app.extensions[EXTENSION] = platform
    routes.init_app(app)
    url_ids.init_app(app)
    if platform.settings.fast_path:  # first: what finds out the client's address must come to stand before it
        fast_path.init_app(app, FAST)
    proxies.init_app(app, platform.settings)
    security.init_app(app, platform)
    login.init_app(app)
    limiter.init_app(app)
    errors.init_app(app)
    i18n.init_app(app)
    static_files.init_app(app)
    compression.init_app(app)
    for module in PAGES:
        app.register_blueprint(module.blueprint)
    _register_api(app, platform)
    for commands in COMMANDS:
        app.cli.add_command(commands.group)
    return app


def _register_api(app: Flask, platform: Platform) -> None:
    """The REST API under `/api/v1`; those of pools work without the version too, bots with workers under `/bots`."""
    v1 = Blueprint("v1", __name__, url_prefix="/api/v1")
    for module in RESOURCES:
        v1.register_blueprint(module.blueprint)
    v1.register_blueprint(worker_bots.bot_worker)
    v1.register_blueprint(conversations.bot_blueprint)
    api_hooks.register_api_hooks(v1, platform)
    app.register_blueprint(v1)
    unversioned = Blueprint("api", __name__, url_prefix="/api")
    unversioned.register_blueprint(pools.blueprint)
    api_hooks.register_api_hooks(unversioned, platform)
    app.register_blueprint(unversioned)
    plain = Blueprint("plain", __name__)
    plain.register_blueprint(worker_bots.blueprint)
    api_hooks.register_api_hooks(plain, platform)
    app.register_blueprint(plain)
