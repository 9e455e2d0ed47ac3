"""Operations: health, readiness and metrics."""

from http import HTTPStatus

from fastapi import APIRouter, Depends, Response
from prometheus_client import CONTENT_TYPE_LATEST

from docprogress.server.dependencies import Authorization
from docprogress.server.openapi import REFUSALS
from docprogress.server.schemas import Health, Readiness
from docprogress.server.state import ServerState
from docprogress.version import __version__


def operation_routes(state: ServerState, authorization: Authorization) -> APIRouter:
    """The routes for monitoring."""
    router = APIRouter(tags=["operations"])

    @router.get("/health")
    async def health() -> Health:
        """Respond while the process runs, even if other services are unreachable."""
        return Health(version=__version__)

    @router.get(
        "/ready",
        responses={
            503: {"model": Readiness, "description": "A service is unreachable"}
        },
    )
    async def ready(response: Response) -> Readiness:
        """Return whether Redis and the database respond, and when a worker last did.

        The server is not ready while it cannot receive events that streams need. It
        is ready without workers: documents are accepted and wait for them.
        """
        await state.start()
        lost_seconds = state.broadcaster.lost_seconds
        found = await state.readiness.check(lost_seconds=lost_seconds)
        if not found.ready:
            response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
        return found

    @router.get(
        "/metrics",
        responses={
            200: {
                "content": {"text/plain": {"example": "docprogress_events_total 17.0"}}
            },
            401: REFUSALS[401],
            429: REFUSALS[429],
        },
        response_class=Response,
        dependencies=[Depends(authorization.trusted)],
    )
    async def metrics() -> Response:
        """Return metrics for Prometheus."""
        return Response(await state.metrics.text(), media_type=CONTENT_TYPE_LATEST)

    return router
