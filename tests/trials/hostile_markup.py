"""S3: YAML that would run or grow, XML that would read or grow: refused, nothing run, nothing read.

Enters: a work folder, how many, a seed. Leaves: measured rows. YAML comes as cohort card, recipe and
protocol; XML as the description of a slide or a mask. What would run makes a marker; what would read has a
secret beside the root; what would call has an address that nobody answers. The same XML without any of it is
taken, and the YAML stands where a text, a block or an endpoint belongs.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tests.measurement import Measured
from tests.trials.fused_cohort import unsynced_tiny
from tests.trials.hostile_cohort import HostileCohort
from tests.trials.markup import SOUND_XML, XML, YAML
from tests.trials.small_cohort import CARD, slide_pixels, write_mask, write_slide, write_small
from tests.trials.tree_snapshot import forget_readings, notes_readings, readings
from tests.trials.trial import Counts, Tally, told
from tests.trials.watched_command import Watched, watch
from tests.trials.witnessed import Witness

MOST_GB, MOST_S = 1.0, 60.0
#: Share of the documents that are XML.
IN_XML = 0.4
SOCKETS = ("socket.connect", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo", "socket.gethostbyname")


def hostile_markup(work: Path, counts: Counts, seed: int) -> list[Measured]:
    """Offer `counts.runs` documents."""
    tally = Tally("cache/hostile_markup_", f"S3: {counts.runs} documents of YAML and XML; seed {seed}")
    outside = work / "box" / "outside"
    outside.mkdir(parents=True)
    noted = notes_readings(work)
    (outside / "secret.txt").write_text("the secret", encoding="utf-8")
    (outside / "evil.dtd").write_text('<!ENTITY e "the secret">', encoding="utf-8")
    forget_readings(outside)
    marker = work / "marker"
    witness = Witness(work / "witness", work / "box")
    in_xml = max(1, round(counts.runs * IN_XML))
    commands: list[Watched] = []
    with told("S3: documents", counts.runs) as advance:
        commands += _offer_xml(work / "box" / "cohort", in_xml, witness, tally)
        for _ in range(in_xml):
            advance()
        for name, words in _yaml(work, counts.runs - in_xml, marker):
            done = watch(*words, environment=witness.environment)
            commands.append(done)
            tally.count("accepted", done.status != 1, f"{name}: exit {done.status}: {done.said[-300:]}")
            ran = marker.is_dir()
            tally.count("executed", ran, name)
            if ran:
                marker.rmdir()
            advance()
    tally.count("tracebacks", False)
    for done in commands:
        tally.count("tracebacks", "Traceback" in done.said, done.said)
        tally.count("secret_told", "the secret" in done.said, done.said)
        tally.count(
            "over_1_GB", done.peak_bytes > MOST_GB * 1e9, f"{done.peak_bytes / 1e9:.2f} GB: {done.said}"
        )
    events = witness.events()
    read = {event.told for event in events if event.kind == "read" and "/outside/" in event.told}
    tally.count("read_outside", bool(read), f"{sorted(read)}")
    if noted:
        tally.count("read_outside_by_native_code", bool(readings(outside)), f"{readings(outside)}")
    called = [f"{event.kind} {event.told}" for event in events if event.kind in SOCKETS]
    tally.count("called_out", bool(called), f"{called[:3]}")
    slowest = max(done.seconds for done in commands)
    return [
        *tally.rows(),
        Measured(
            name="cache/hostile_markup_slowest",
            value=slowest,
            unit="s",
            bar=f"<= {MOST_S:g}",
            met=slowest <= MOST_S if counts.runs >= len(XML) + len(YAML) else None,
            input=tally.source,
        ),
    ]


def _offer_xml(folder: Path, count: int, witness: Witness, tally: Tally) -> list[Watched]:
    """Write the XML into slides and masks that are sound otherwise, all in one cohort."""
    cohort = HostileCohort(folder, 0)
    whats = {}
    for number in range(count):
        name, text = XML[number % len(XML)]
        case = f"xml{number:02d}"
        description = text(folder.parent / "outside")
        if number // len(XML) % 2:
            path = cohort.file(f"{case}_tissue.tif")
            write_mask(path, description=description)
            cohort.add_slide(case, str(cohort.tables["slides"][0][2]), path.name)
        else:
            path = cohort.file(f"{case}.ome.tif")
            write_slide(path, slide_pixels(np.random.default_rng(number)), description=description)
            cohort.add_slide(case, path.name)
        whats[case] = f"{name} in {path.name}"
    sound = cohort.file("sound.ome.tif")
    write_slide(sound, slide_pixels(np.random.default_rng(count)), description=SOUND_XML)
    cohort.add_slide("sound", sound.name)
    masked = cohort.file("masked_tissue.tif")
    write_mask(masked, description=SOUND_XML)
    cohort.add_slide("masked", str(cohort.tables["slides"][0][2]), masked.name)
    cohort.save()
    checked, ran = cohort.check(witness.environment), cohort.run(environment=witness.environment)
    for case, what in whats.items():
        tally.count(
            "accepted", case not in ran.failed or case in ran.committed, f"{what}: {ran.failed.get(case)}"
        )
        tally.count("missed_by_check", "error" not in checked.said.get(case, ""), what)
    for case in ("sound", "masked"):
        tally.count("sound_xml_refused", not ran.committed.get(case), f"{case}: {ran.failed.get(case)}")
    tally.count("good_case_lost", not ran.good_is_whole, ran.command.said)
    return [checked.command, ran.command]


def _yaml(work: Path, count: int, marker: Path) -> Iterator[tuple[str, tuple[object, ...]]]:
    """Write YAML as card, recipe and protocol in turn; yield what it is and the words of a command."""
    cohort = write_small(work / "small", 1, 0)
    card = (cohort.manifest / "cohort.yaml").read_text(encoding="utf-8")
    tiny = unsynced_tiny(work / "tiny")
    protocol = tiny.protocol.read_text(encoding="utf-8")
    recipe = "name: hostile\nclinical: {encoder: values}\n"
    planned = ("extract", "plan", cohort.manifest, "--root", cohort.raw, "--cache", work / "cache")
    fused = ("fuse", "benchmark", tiny.cohort, "--cache", tiny.cache, "--out", work / "run")
    for number in range(count):
        name, text = YAML[number % len(YAML)]
        hostile = text(marker)
        path = work / f"hostile-{number}.yaml"
        place = ("card", "recipe", "protocol")[number % 3]
        if place == "card":
            spoiled = card.replace(f"title: {CARD['title']}\n", f"title: {hostile}\n")
            (cohort.manifest / "cohort.yaml").write_text(spoiled, encoding="utf-8")
            yield f"{name} in a card", ("extract", "check", cohort.manifest, "--root", cohort.raw)
            (cohort.manifest / "cohort.yaml").write_text(card, encoding="utf-8")
        elif place == "recipe":
            path.write_text(f"{recipe}slides: {hostile}\n", encoding="utf-8")
            yield f"{name} in a recipe", (*planned, "--recipe", path)
        else:
            path.write_text(f"{protocol}\nendpoint: {hostile}\n", encoding="utf-8")
            yield f"{name} in a protocol", (*fused, "--protocol", path)
