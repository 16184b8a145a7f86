"""Every format is read back by a program that is not ours where one exists, else by its published rules."""

import json
import math
import re
from xml.etree import ElementTree

import av
import botocore.parsers
import botocore.session
import pympi
import pytest
import webvtt

from infer.export import edl
from infer.export.settings import ExportSettings
from infer.export.write import export_run

SETTINGS = ExportSettings(severity={"sex": "medium", "violence": "high", "drug-use": "low"})
FLAGGED = [(10.0, 20.0, "violence"), (15.0, 27.0, "sex"), (3700.0, 3700.48, "violence")]


@pytest.fixture
def export(read, tmp_path):
    """Export the run, and return the folder."""

    def write(form, decision="flag", **settings):
        out = tmp_path / form
        export_run(read(decision), form, out, SETTINGS.model_copy(update=settings))
        return out

    return write


def subtitles(path):
    """Return what FFmpeg reads: (start in s, end in s, text) a packet."""
    with av.open(str(path)) as container:
        return [
            (
                float(packet.pts * packet.time_base),
                float((packet.pts + packet.duration) * packet.time_base),
                bytes(packet).decode(),
            )
            for packet in container.demux(container.streams.subtitles[0])
            if packet.pts is not None
        ]


def test_webvtt_by_webvtt_py(export):
    out = export("webvtt")
    captions = webvtt.read(out / "t-flagged.vtt").captions
    found = [(c.start_in_seconds + c.start_time.milliseconds / 1000, c.text.split()[0]) for c in captions[1:]]
    assert found == [(start_s, label) for start_s, _, label in FLAGGED]
    assert [caption.identifier for caption in captions] == ["status", "segment-0", "segment-1", "segment-2"]
    hostile = webvtt.read(out / "t-partial.vtt").captions
    assert len(hostile) == 2  # the reason's '-->' and blank line made no cue
    assert hostile[0].raw_text.startswith("partial: read in part only, 50.0 s of 100.0 s (=cmd(); 00:01 --&gt; 00:09")


@pytest.mark.parametrize(("form", "suffix"), [("webvtt", ".vtt"), ("srt", ".srt")])
def test_subtitles_by_ffmpeg(export, form, suffix):
    out = export(form)
    packets = subtitles(out / f"t-flagged{suffix}")
    assert [(start_s, pytest.approx(end_s), text.split()[0]) for start_s, end_s, text in packets[1:]] == FLAGGED
    for title, statuses in {"t-clear": "clear", "t-review": "review", "t-quarantined": "quarantined"}.items():
        [(start_s, end_s, text)] = subtitles(out / f"{title}{suffix}")
        assert (start_s, end_s, text.split(":")[0]) == (0.0, 5.0, statuses)
    assert len(subtitles(out / f"t-partial{suffix}")) == 2


def test_srt_has_no_markup_and_no_second_arrow(export):
    text = (export("srt") / "t-partial.srt").read_text()
    assert text.count("-->") == 2
    assert not set(text.replace("-->", "")) & set("<>{}\x00\x07")


def kodi_edits(path):
    """Return (start in ms, end in ms, action) by the rules of Kodi's parser: two words and a whole number."""
    edits = []
    for line in path.read_text().splitlines():
        if line.startswith("##"):
            continue
        start, end, action = re.fullmatch(r"(\S+) (\S+) (\d)", line).groups()
        edits.append((round(float(start) * 1000), round(float(end) * 1000), int(action)))
    return edits


def test_edl_by_kodis_rules(export):
    out = export("edl")
    assert kodi_edits(out / "t-flagged.edl") == [(10000, 27000, 3), (3700000, 3700480, 3)]  # overlaps are one edit
    assert kodi_edits(out / "t-clear.edl") == kodi_edits(out / "t-quarantined.edl") == []
    assert "\n## quarantined: could not be read" in (out / "t-quarantined.edl").read_text()


@pytest.mark.parametrize(("action", "code"), [("skip", 3), ("mute", 1), ("scene", 2), ("cut", 0)])
def test_edl_action_is_what_was_asked_for(read, action, code):
    text = edl.render(read().titles[3], action)
    assert text.splitlines()[-1] == f"0.000 2.000 {code}"


def test_mcf_by_webvtt_py_and_its_grammar(export):
    out = export("mcf")
    assert sorted(path.name for path in out.iterdir()) == ["t-flagged.mcf", "t-partial.mcf", "titles.csv"]
    text = (out / "t-flagged.mcf").read_text()
    head = r"WEBVTT MovieContentFilter 1\.0\.0\n\nNOTE\nSTART 00:00:00\.000\nEND 01:01:40\.500\n\n"
    assert re.match(head, text)
    payloads = [caption.raw_text for caption in webvtt.read(out / "t-flagged.mcf").captions]
    assert [payload.split(" # ")[0] for payload in payloads] == ["violence=high", "sex=medium", "violence=high"]
    content = re.compile(r"([a-z]+)=(low|medium|high)(?:=(both|video|audio))?(?: # (.+?))?")
    for path in out.glob("*.mcf"):
        assert all(content.fullmatch(caption.raw_text) for caption in webvtt.read(path).captions)
    [unread] = webvtt.read(out / "t-partial.mcf").captions
    assert unread.raw_text.startswith("drugs=low # score 0.625, flag; partial: read in part only, 50.0 s of 100.0 s")


def test_elan_by_pympi(export):
    out = export("elan", "all")
    document = pympi.Eaf(str(out / "t-flagged.eaf"))
    assert sorted(document.get_tier_names()) == ["coarse2fine.status", "drug-use", "nudity", "sex", "violence"]
    assert document.get_annotation_data_for_tier("violence") == [
        (10000, 20000, "flag 0.750"),
        (60000, 61000, "review 0.250"),
        (3700000, 3700480, "flag 0.99926"),
    ]
    assert document.get_annotation_data_for_tier("nudity") == []
    assert document.get_linked_files()[0]["MEDIA_URL"] == "films/The <Film> & more.mkv"
    [(start_ms, end_ms, text)] = pympi.Eaf(str(out / "t-partial.eaf")).get_annotation_data_for_tier(
        "coarse2fine.status"
    )
    assert (start_ms, end_ms, text[:26]) == (0, 100000, "partial: read in part only")


def test_rekognition_status_never_succeeds_for_what_is_not_known(export):
    out = export("rekognition")
    statuses = {path.stem: json.loads(path.read_text())["JobStatus"] for path in out.glob("*.json")}
    assert statuses == {
        "t-flagged": "SUCCEEDED",
        "t-review": "IN_PROGRESS",
        "t-clear": "SUCCEEDED",
        "t-partial": "FAILED",
        "t-quarantined": "FAILED",
    }
    [found] = json.loads((out / "t-partial.json").read_text())["ModerationLabels"]
    assert (found["StartTimestampMillis"], found["EndTimestampMillis"], found["DurationMillis"]) == (0, 2000, 2000)
    assert found["ModerationLabel"] == {"Confidence": 62.5, "Name": "drug-use", "ParentName": "", "TaxonomyLevel": 1}
    listed = json.loads((export("rekognition", "all") / "t-review.json").read_text())
    assert (listed["JobStatus"], len(listed["ModerationLabels"])) == ("SUCCEEDED", 1)


def test_rekognition_by_botocore(export):
    service = botocore.session.get_session().get_service_model("rekognition")
    shape = service.operation_model("GetContentModeration").output_shape
    body = (export("rekognition") / "t-flagged.json").read_bytes()
    response = {"body": body, "headers": {}, "status_code": 200}
    answer = botocore.parsers.create_parser(service.metadata["protocol"]).parse(response, shape)
    assert set(json.loads(body)) - set(shape.members) == {"Coarse2Fine"}
    found = [
        (one["StartTimestampMillis"] / 1000, one["EndTimestampMillis"] / 1000, one["ModerationLabel"]["Name"])
        for one in answer["ModerationLabels"]
    ]
    assert (answer["JobStatus"], found) == ("SUCCEEDED", FLAGGED)


def test_jellyfin_ticks_and_item_ids(export):
    out = export("jellyfin")
    answer = json.loads((out / "t-flagged.json").read_text())
    assert answer["TotalRecordCount"] == 3
    times = [(item["StartTicks"] / 1e7, item["EndTicks"] / 1e7) for item in answer["Items"]]
    assert times == [(start_s, end_s) for start_s, end_s, _ in FLAGGED]
    assert {item["ItemId"] for item in answer["Items"]} == {"a" * 32}
    assert {item["Type"] for item in answer["Items"]} == {"Commercial"}
    assert len({item["Id"] for item in answer["Items"]}) == 3
    assert json.loads((out / "t-partial.json").read_text())["Coarse2Fine"]["Status"] == "partial"


def test_label_studio_frames_hold_the_segment(export):
    out = export("labelstudio", label_studio_fps=23.976)
    view = ElementTree.parse(out / "labelling.xml").getroot()
    assert [label.get("value") for label in view.iter("Label")] == ["sex", "nudity", "violence", "drug-use"]
    assert view.find("Video").get("frameRate") == "23.976"
    tasks = {task["data"]["title_id"]: task for task in json.loads((out / "tasks.json").read_text())}
    ranges = [result["value"]["ranges"][0] for result in tasks["t-flagged"]["predictions"][0]["result"]]
    for (start_s, end_s, _), frames in zip(FLAGGED, ranges):
        first_s, last_s = (frames["start"] - 1) / 23.976, frames["end"] / 23.976
        assert start_s - 1 / 23.976 < first_s <= start_s
        assert end_s <= last_s < end_s + 1 / 23.976
    assert tasks["t-quarantined"]["predictions"] == []
    assert tasks["t-clear"]["predictions"][0]["result"] == []


def test_activitynet_leaves_out_what_was_not_read(export):
    answer = json.loads((export("activitynet") / "predictions.json").read_text())
    assert list(answer["results"]) == ["t-flagged", "t-review", "t-clear", "t-partial"]
    assert answer["external_data"]["titles"]["t-quarantined"]["status"] == "quarantined"
    assert math.isclose(answer["results"]["t-flagged"][2]["segment"][1], 3700.48)
