"""What a program is told that asks for an endpoint that there is not."""

from __future__ import annotations

from fastapi.responses import JSONResponse
from gradio.route_utils import FnIndexInferError
from starlette.requests import Request

from ..errors import UserError
from ..texts import negotiate
from ..texts.naming import sentence_of

NOT_FOUND = 404


async def no_endpoint(request: Request, error: Exception) -> JSONResponse:
    """A sentence that names the endpoints, instead of "Internal Server Error"."""
    functions = request.app.get_blocks().fns.values()
    names = {f"/{fn.api_name}" for fn in functions if fn.api_visibility == "public"}
    wrong = UserError(
        "endpoint_unknown",
        "There is no endpoint called “/{name}”; there are {known}.",
        name=str(request.path_params.get("api_name", ""))[:100],
        known=", ".join(sorted(names)),
    )
    said = sentence_of(wrong, negotiate(request.headers.get("accept-language", "")))
    return JSONResponse({"detail": said}, NOT_FOUND)


HANDLERS = {FnIndexInferError: no_endpoint}
