"""The forms in which a tensor is sent."""

from email.parser import BytesParser

from benchmarks.peers.requests import form, oip_grpc, raw, upload


def test_form_holds_one_file_with_the_bytes_as_they_are():
    content = bytes(range(256)) * 3

    payload = form("pixels", content)

    head = f"Content-Type: {payload.headers['Content-Type']}\r\n\r\n".encode()
    message = BytesParser().parsebytes(head + payload.body)
    _, part = message.walk()
    assert part.get_param("name", header="content-disposition") == "pixels"
    assert part.get_payload(decode=True) == content


def test_answer_of_an_upload_is_a_list_of_rows():
    assert upload("/any", "pixels").class_of(b"[[0.5, 2.5, 1.0]]", {}) == 1


def test_grpc_has_no_path():
    assert oip_grpc("classifier").path is None
    assert raw("/predict").path == "/predict"
