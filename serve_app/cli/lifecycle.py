"""`headwater up`, `down` and `status`: what they do, in order, and what they say."""

import time
from pathlib import Path

from rich.markup import escape
from rich.table import Table

from configs.catalogue import load_catalogue, packaged_catalogue
from configs.environment import Environment
from models.pins import unpin
from models.remote import open_remote
from models.store import Store
from models.workshop import Workshop
from serve_app.cli.console import bars, console, say
from serve_app.cli.snippets import next_steps
from serve_app.cluster import dashboard, deploy, lifecycle, lock, plan, state
from serve_app.cluster.health import replica_counts
from serve_app.cluster.revision import revision_of
from serve_app.cluster.serve_file import ServeFile, read_serve_file


def up(environment: Environment, config: Path) -> None:
    """Store, cluster, deployment: each only as far as it is missing.

    Raises:
        ConfigError: the Serve file, the catalogue or the environment must be mended.
        ModelError: a model cannot be built.
        ClusterError: the cluster or a deployment does not come up.
    """
    began = time.monotonic()
    file = read_serve_file(config)
    with lock.held(environment, "up", say):
        build_store(environment)
        end_outdated(environment)
        start_cluster(environment, file)
        console.print(f"[bold]Deploying[/] {escape(str(config))}")
        deploy.deploy(environment, file.path)
    # Not under the lock: `headwater down` may end what does not become healthy.
    with console.status("waiting for Serve") as waiting:
        deploy.wait_healthy(
            environment,
            file,
            lambda pending: waiting.update(escape("; ".join(pending))),
        )
    console.print(f"Everything is healthy after {time.monotonic() - began:.0f} s")


def build_store(environment: Environment) -> None:
    """Build every variant of the catalogue that is not in the store."""
    from models.build import build

    catalogue = load_catalogue(environment.catalogue or packaged_catalogue())
    console.print(f"[bold]Model store[/] {escape(str(environment.store))}")
    with bars() as tell:
        workshop = Workshop(
            catalogue,
            Store(environment.store),
            environment.home / "cache",
            tell,
            open_remote(environment.remote_store),
        )
        made = [built.fresh for built in build(workshop)]
    console.print(f"{len(made)} variants and ensembles, {sum(made)} of them built now")


def end_outdated(environment: Environment) -> None:
    """End a cluster whose replicas run other code or models than are here now."""
    known = state.read_state(environment)
    if known is None or not lifecycle.running(known):
        return
    if known.revision not in ("", _revision(environment)):
        console.print("Code, catalogue or models have changed: starting anew")
        end_cluster(environment)


def start_cluster(environment: Environment, file: ServeFile) -> None:
    """Start the head, or keep the one that runs."""
    known = state.read_state(environment)
    doors = {f"http_options.port in {file.path.name}": file.http_port}
    if file.grpc_port is not None:
        doors[f"grpc_options.port in {file.path.name}"] = file.grpc_port
    with console.status("starting Ray (20 s, a busy machine takes longer)"):
        cluster = lifecycle.start(environment, say, doors)
    deploy.require_same_options(environment, file)
    if not cluster.revision:
        revised = cluster.model_copy(update={"revision": _revision(environment)})
        state.write_state(environment, revised)
    state.write_private(environment.home / "env.sh", _env_lines(environment))
    word = "is already running" if cluster == known else "started"
    console.print(
        f"[bold]Local cluster[/] {word}: run {cluster.run_id}, "
        f"dashboard {plan.dashboard_address(environment)}"
    )


def down(environment: Environment) -> None:
    """End the cluster, unless another command is starting it, and say what was ended.

    Raises:
        Busy: that command does not end.
        StillRunning: some process does not end.
    """
    if environment.run.is_dir():
        with lock.held(environment, "down", say):
            end_cluster(environment)
    else:
        say("Ended: nothing was running")


def end_cluster(environment: Environment) -> None:
    """End the cluster and say what was ended."""
    with console.status("ending the local cluster"):
        ended = lifecycle.stop(environment)
    unpin(Store(environment.store))
    console.print(f"Ended: {ended}")


def status(environment: Environment) -> None:
    """Print the deployments of the running cluster.

    Raises:
        NotRunning: there is none.
    """
    cluster = lifecycle.require_running(environment)
    console.print(f"Run {cluster.run_id}, started {cluster.started}")
    details = dashboard.serve_details(
        environment.dashboard_port, state.token_file(environment)
    )
    table = Table("application", "deployment", "status", "replicas", "message")
    for name, application in (details.get("applications") or {}).items():
        for deployment, found in (application.get("deployments") or {}).items():
            running, target = replica_counts(found)
            table.add_row(
                escape(name),
                escape(deployment),
                found["status"],
                f"{running} of {target}",
                escape(found.get("message") or ""),
            )
    console.print(table)


def show_next_steps(environment: Environment, config: Path) -> None:
    """Print lines to copy."""
    file = read_serve_file(config)
    console.print(next_steps(environment, file), markup=False)


def _revision(environment: Environment) -> str:
    catalogue = environment.catalogue or packaged_catalogue()
    code = packaged_catalogue().parent
    return revision_of(code, catalogue, environment.store)


def _env_lines(environment: Environment) -> str:
    token = state.token_file(environment)
    variables = plan.shell_lines(plan.client_variables(environment, token))
    return variables + plan.path_line(Path(lifecycle.script("serve")).parent)
