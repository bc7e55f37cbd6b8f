"""GitHub's own description of its API, asked whether requests and answers are as it says."""

import re
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
from openapi_schema_validator import OAS30Validator
from referencing import Registry
from referencing.jsonschema import DRAFT4

_FILE = Path(__file__).parent.parent / "fixtures" / "github" / "issues-openapi.json"
_URI = "urn:github"


class GitHubDescription:
    """Finds the operation of a request, and everything in it that is not as described."""

    def __init__(self) -> None:
        self._document = msgspec.json.decode(_FILE.read_bytes())
        self._registry: Registry[Any] = Registry().with_resource(
            _URI, DRAFT4.create_resource(self._document)
        )
        self._paths = [
            (re.compile(re.sub(r"\{\w+\}", "([^/]+)", template)), template)
            for template in self._document["paths"]
        ]

    def find_problems(self, method: str, path: str, query: dict[str, str], body: Any) -> list[str]:
        """Return what is wrong with a request; nothing where GitHub would take it."""
        operation, pointer = self._find(method, path)
        if operation is None:
            return [f"no operation {method} {path}"]
        parameters = [self._resolve(each) for each in operation.get("parameters", [])]
        known = {each["name"]: each["schema"] for each in parameters if each["in"] == "query"}
        required = {each["name"] for each in parameters if each["in"] == "query"} & {
            each["name"] for each in parameters if each.get("required")
        }
        problems = [f"unknown parameter {name}" for name in query if name not in known]
        problems += [f"missing parameter {name}" for name in required - set(query)]
        for name in known.keys() & query.keys():
            value = int(query[name]) if known[name].get("type") == "integer" else query[name]
            problems += [error.message for error in OAS30Validator(known[name]).iter_errors(value)]
        if "requestBody" not in operation:
            return [*problems, *(["no body is expected"] if body is not None else [])]
        schema = f"{pointer}/requestBody/content/application~1json/schema"
        properties = operation["requestBody"]["content"]["application/json"]["schema"]["properties"]
        problems += [f"unknown field {name}" for name in body or {} if name not in properties]
        return problems + self._errors(schema, body)

    def find_answer_problems(self, method: str, path: str, status: int, body: Any) -> list[str]:
        """Return what is wrong with an answer of a server that plays GitHub."""
        operation, pointer = self._find(method, path)
        if operation is None or str(status) not in operation["responses"]:
            return [f"{method} {path} never answers {status}"]
        answer = operation["responses"][str(status)]
        pointer = f"{pointer}/responses/{status}"
        if "$ref" in answer:
            pointer = f"{_URI}{answer['$ref']}"
        return self._errors(f"{pointer}/content/application~1json/schema", body)

    def _find(self, method: str, path: str) -> tuple[dict[str, Any] | None, str]:
        for pattern, template in self._paths:
            operations = self._document["paths"][template]
            if pattern.fullmatch(path) and method.lower() in operations:
                step = quote(template.replace("~", "~0").replace("/", "~1"))
                return operations[method.lower()], f"{_URI}#/paths/{step}/{method.lower()}"
        return None, ""

    def _resolve(self, value: dict[str, Any]) -> dict[str, Any]:
        if "$ref" not in value:
            return value
        found: dict[str, Any] = self._registry.resolver(_URI).lookup(value["$ref"]).contents
        return found

    def _errors(self, pointer: str, value: Any) -> list[str]:
        validator = OAS30Validator({"$ref": pointer}, registry=self._registry)
        return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(value)]


@cache
def github_description() -> GitHubDescription:
    return GitHubDescription()
