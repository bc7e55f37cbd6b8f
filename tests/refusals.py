"""The shape of every refusal."""

import httpx


def assert_shape(answer: httpx.Response) -> None:
    """Check that a refusal has the shape that clients of all kinds read."""
    if answer.is_success:
        return
    assert answer.headers["content-type"] == "application/json"
    assert 400 <= answer.status_code <= 429
    body = answer.json()
    if answer.status_code == 403:
        assert body == {"errors": [{"message": "403 Forbidden"}]}
        return
    assert set(body) == {"errors", "error", "message"}
    assert body["error"] == body["message"] == body["errors"][0]["message"]
    for problem in body["errors"]:
        assert set(problem) <= {"message", "path", "detail"}
        assert problem["message"]
        assert all(isinstance(step, str) for step in problem.get("path", ["x"]))
