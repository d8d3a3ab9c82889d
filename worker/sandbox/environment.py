"""What every agent finds, in whatever sandbox: the contract's variables, folders and scripts."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from agents.registry import MODEL_SECRET
from worker.sandbox import Launch

VALIDATION_PORT = 5000
MODEL_PORT = 5001


@dataclass(frozen=True, kw_only=True)
class Places:
    """Where the contract's folders are, as the agent sees them."""

    data: str
    submission: str
    logs: str
    code: str
    agent: str
    validation_url: str
    model_url: str  # of the API that an agent is given which asks for a model


IN_CONTAINER = Places(
    data="/home/data",
    submission="/home/submission",
    logs="/home/logs",
    code="/home/code",
    agent="/home/agent",
    validation_url=f"http://localhost:{VALIDATION_PORT}/validate",
    model_url=f"http://localhost:{MODEL_PORT}/v1",
)


def contract_environment(launch: Launch, places: Places) -> dict[str, str]:
    """The variables of the sandbox contract, and what the agent declares.

    The contract's own names win over the agent's. The numbers of threads are hints: numerical libraries see the
    host's cores, not the attempt's share of them, and would start too many.
    """
    threads = str(max(1, int(launch.limits.cpus)))
    hints = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), threads)
    contract = {
        "COMPETITION_ID": launch.competition_id,
        "DATA_DIR": places.data,
        "SUBMISSION_DIR": places.submission,
        "LOGS_DIR": places.logs,
        "CODE_DIR": places.code,
        "AGENT_DIR": places.agent,
        "TIME_LIMIT_SECS": str(int(launch.limits.time_secs)),
        "SEED": str(launch.seed),
        "VALIDATION_URL": places.validation_url,
    }
    if launch.technique is not None:
        contract["TECHNIQUE_TASK"] = launch.technique
    if launch.model is not None:
        contract |= {"OPENAI_BASE_URL": places.model_url, MODEL_SECRET: launch.model.token}
    return hints | dict(launch.environment) | contract


def host_environment(network: bool) -> Mapping[str, str]:
    """What a plain process needs of this process's environment to work at all. No secret is among it.

    `network`: the proxies too. They are for agents that may use the network.
    """
    names = ["LD_LIBRARY_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "TZ"]
    if network:
        names += ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"]
    return {name: os.environ[name] for name in names if name in os.environ}
