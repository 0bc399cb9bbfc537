"""The manifest of a variant: what it is made of, by what, from what, where.

An SPDX 2.3 document in JSON, stored as a file that the card names. It repeats what the
card says so that tools which know SPDX and not our cards can read it, and adds every
Python distribution that was installed where the variant was made.
"""

import hashlib
import json
import re
import tempfile
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from models import golden
from models.card import Card, FileFact
from models.store import Store

Element = dict[str, Any]

VARIANT, SOURCE = "SPDXRef-Variant", "SPDXRef-Source"

_LICENCE = re.compile(r"(MIT|ISC|[A-Za-z]+[-A-Za-z]*-\d[-.A-Za-z0-9]*)")
"""What looks like a name of SPDX's list; other words are kept as a comment."""


def seal(store: Store, card: Card) -> Card:
    """Store golden outputs and a manifest of `card`, whose files are stored; name them.

    Raises:
        StoreCorrupt: one of its files is missing or has changed.
        StoreUnwritable: the disk is full or refuses.
    """
    with tempfile.TemporaryDirectory() as scratch:
        recorded = Path(scratch) / "golden.npz"
        if golden.record(card, store.file(card.model_file), recorded):
            fact = store.add_file(recorded)
            card = card.model_copy(update={"golden": fact})
        written = Path(scratch) / "manifest.spdx.json"
        text = json.dumps(manifest(store, card), indent=1, sort_keys=True)
        written.write_text(text + "\n", encoding="utf-8")
        return card.model_copy(update={"manifest": store.add_file(written)})


def manifest(store: Store, card: Card) -> Element:
    """The document; its own file is not part of it.

    Raises:
        StoreCorrupt: a file of the card is missing or has changed.
    """
    named = {name: fact for name, fact in card.stored().items() if name != "manifest"}
    files = [_file(store, name, fact) for name, fact in sorted(named.items())]
    libraries = [_library(name, version) for name, version in installed()]
    data = [_dataset(name, sha256) for name, sha256 in sorted(_data(card).items())]
    made_by = f"Tool: headwater-{_version('headwater')}"
    return {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": f"{card.model} version {card.version} {card.variant}",
        "documentNamespace": f"urn:headwater:variant:{card.build_key}:{_moment(card)}",
        "creationInfo": {"created": _moment(card), "creators": [made_by]},
        "packages": [_variant(card, files, made_by), _source(card), *data, *libraries],
        "files": files,
        "relationships": [
            _related("SPDXRef-DOCUMENT", "DESCRIBES", VARIANT),
            _related(VARIANT, "GENERATED_FROM", SOURCE),
            *(_related(VARIANT, "CONTAINS", file["SPDXID"]) for file in files),
            *(_related(VARIANT, "DEPENDS_ON", one["SPDXID"]) for one in data),
            *(_related(one["SPDXID"], "BUILD_TOOL_OF", VARIANT) for one in libraries),
        ],
    }


@cache
def installed() -> tuple[tuple[str, str], ...]:
    """Name and version of every distribution of this Python, once each."""
    found = {
        re.sub(r"[-_.]+", "-", one.name).lower(): one.version
        for one in metadata.distributions()
        if one.name
    }
    return tuple(sorted(found.items()))


def _variant(card: Card, files: Iterable[Element], made_by: str) -> Element:
    sha1s = sorted(file["checksums"][0]["checksumValue"] for file in files)
    code = hashlib.sha1("".join(sha1s).encode(), usedforsecurity=False).hexdigest()
    facts = card.model_dump(
        mode="json",
        include={"build_key", "machine", "toolchain", "quantization", "recipe"},
    )
    return {
        "SPDXID": VARIANT,
        "name": card.model,
        "versionInfo": f"{card.version} {card.variant}",
        "summary": card.title,
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": True,
        "packageVerificationCode": {"packageVerificationCodeValue": code},
        **_licensed(card.licence),
        "annotations": [
            {
                "annotationType": "OTHER",
                "annotator": made_by,
                "annotationDate": _moment(card),
                "comment": json.dumps({name: value}, sort_keys=True),
            }
            for name, value in sorted(facts.items())
            if value
        ],
    }


def _source(card: Card) -> Element:
    return {
        "SPDXID": SOURCE,
        "name": f"source of {card.model}",
        "downloadLocation": "NOASSERTION",
        "sourceInfo": card.source_uri,
        "filesAnalyzed": False,
        "checksums": [_checksum("SHA256", card.source_sha256)],
        **_licensed(card.licence),
    }


def _dataset(name: str, sha256: str) -> Element:
    return {
        "SPDXID": f"SPDXRef-Data-{_token(name)}",
        "name": f"dataset {name}",
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False,
        "comment": f"sha256 over its sorted names, hashes and labels: {sha256}",
    }


def _library(name: str, version: str) -> Element:
    link = {
        "referenceCategory": "PACKAGE-MANAGER",
        "referenceType": "purl",
        "referenceLocator": f"pkg:pypi/{name}@{version}",
    }
    return {
        "SPDXID": f"SPDXRef-Library-{_token(name)}",
        "name": name,
        "versionInfo": version,
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False,
        "externalRefs": [link],
    }


def _file(store: Store, name: str, fact: FileFact) -> Element:
    # SPDX 2.3 asks for SHA-1; ours is the SHA-256 beside it.
    sha1 = hashlib.sha1(usedforsecurity=False)
    with store.file(fact).open("rb") as content:
        while block := content.read(1 << 20):
            sha1.update(block)
    return {
        "SPDXID": f"SPDXRef-File-{_token(name)}",
        "fileName": f"./{store.path(fact.sha256).relative_to(store.root).as_posix()}",
        "comment": name,
        "checksums": [
            _checksum("SHA1", sha1.hexdigest()),
            _checksum("SHA256", fact.sha256),
        ],
    }


def _data(card: Card) -> Mapping[str, str]:
    """Every dataset that made or measured the variant, with its digest."""
    found = {fact.dataset: fact.dataset_sha256 for fact in card.quality}
    if card.quantization is not None:
        found[card.quantization.dataset] = card.quantization.dataset_sha256
    return found | dict(card.recipe.data if card.recipe is not None else {})


def _licensed(licence: str) -> Element:
    known = _LICENCE.fullmatch(licence) is not None
    return {
        "licenseDeclared": licence if known else "NOASSERTION",
        "licenseComments": f"as the catalogue says: {licence or 'nothing'}",
    }


def _related(first: str, how: str, second: str) -> Element:
    return {
        "spdxElementId": first,
        "relationshipType": how,
        "relatedSpdxElement": second,
    }


def _checksum(algorithm: str, value: str) -> dict[str, str]:
    return {"algorithm": algorithm, "checksumValue": value}


def _moment(card: Card) -> str:
    return card.created.replace("+00:00", "Z")


def _token(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9.-]", "-", name)


def _version(distribution: str) -> str:
    return dict(installed()).get(distribution, "unknown")
