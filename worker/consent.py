"""What an agent may be given beyond its sandbox only where someone has agreed to it."""

from agents.registry import MODEL_SECRET, Agent
from core.errors import InputError
from worker.settings import Settings


def check_network(agent: Agent, settings: Settings) -> None:
    """Check that an agent asks for no network and no secrets that it may not have here.

    Raises:
        InputError: it does; the text says what to do.
    """
    if agent.network and not settings.network_allowed:
        raise InputError(
            f"agent {agent.id} asks for a network (network: true in its agent.yaml), with which it can reach all "
            "that this host's containers can; set MLEBENCH_NETWORK_ALLOWED=true where workers run to allow it. "
            "To call a model no agent needs one: docs/models.md"
        )
    check_secrets(agent)


def check_secrets(agent: Agent) -> None:
    """Check that an agent without a network asks for no secrets but the model's key, which it does not get itself.

    Raises:
        InputError: it does; names them.
    """
    useless = sorted(agent.secrets() - {MODEL_SECRET})
    if useless and not agent.network:
        raise InputError(
            f"agent {agent.id} asks for {', '.join(useless)}, but has no network to use "
            f"{'them' if len(useless) > 1 else 'it'} in, and what an agent holds can leak; take "
            f"{'them' if len(useless) > 1 else 'it'} out of env_vars, or declare network: true and set "
            "MLEBENCH_NETWORK_ALLOWED=true. A model is reached without: docs/models.md"
        )
