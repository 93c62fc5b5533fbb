"""The two calls that the plugin makes itself, with the credentials that the AWS CLI used: resume and terminate."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from whodunet.aws.programs.awaiting import in_thread
from whodunet.aws.programs.channel_socket import CannotConnect, SessionLost
from whodunet.aws.programs.plugin.invocation import Invocation
from whodunet.aws.programs.signed_http import CallFailed, ServiceError, SigningCredentials, call

_PASSING: Final = ("Throttling", "Internal", "ServiceUnavailable", "HTTP 5", "UnreadableAnswer")


class SessionTimedOut(SessionLost):
    """The service has ended the session for want of a client."""


class SessionService:
    """Systems Manager, for one session."""

    def __init__(self, invocation: Invocation) -> None:
        self._invocation = invocation

    async def resume(self) -> str:
        """A new token for the session.

        Raises:
            SessionTimedOut: if it is over.
            SessionLost: if the service refuses.
            CannotConnect: if it could not be asked, or could not answer now.
        """
        try:
            answer = await in_thread(lambda: self._call("ResumeSession"))
        except ServiceError as refusal:
            if refusal.code.startswith(_PASSING):
                raise CannotConnect(str(refusal)) from refusal
            raise SessionLost(f"the session cannot be resumed: {refusal}") from refusal
        except CallFailed as failure:
            raise CannotConnect(f"the session cannot be resumed: {failure}") from failure
        token = answer.get("TokenValue")
        if not token:
            raise SessionTimedOut("the session timed out")
        return str(token)

    async def terminate(self) -> None:
        """Ends the session; a service that cannot be told finds out by itself later."""
        with suppress(CallFailed):
            await in_thread(lambda: self._call("TerminateSession"))

    def _call(self, operation: str) -> dict[str, object]:
        asked = self._invocation
        body = {"SessionId": asked.session_id}
        return call("ssm", operation, body, asked.region, _credentials(asked.profile), asked.endpoint_url)


def _credentials(profile: str) -> SigningCredentials:
    """Those that the AWS CLI finds too; the first call for them imports botocore, and may ask single sign-on."""
    from botocore import exceptions
    from botocore.session import Session

    try:
        found = Session(profile=profile or None).get_credentials()
        if found is None:
            raise ServiceError("NoCredentials", "there are none to sign the call with")
        frozen: SigningCredentials = found.get_frozen_credentials()
    except (exceptions.ConnectionError, exceptions.HTTPClientError) as error:  # sign-on is as far away as the rest
        raise CallFailed(str(error)) from error
    except exceptions.BotoCoreError as error:
        raise ServiceError("NoCredentials", str(error)) from error
    return frozen
