#!/usr/bin/env python3
"""Speaks the Open Inference Protocol v2 with a server, as a client of KServe or Triton does.

Through the stubs that protoc makes of our proto file, and once more by hand from the protocol's field numbers alone: a
number that is wrong in the file would be wrong on both sides of the stubs.

usage: inference_client.py ADDRESS STUBS CASES

STUBS is the directory of what protoc made. CASES has pairs of NAME.request.json and NAME.response.json: a
PredictRequest of ours and the answer that the server gave it, as protobuf JSON.
"""

import base64
import json
import pathlib
import struct
import sys

import grpc

sys.path.insert(0, sys.argv[2])
from inference import inference_service_pb2 as pb  # noqa: E402
from inference import inference_service_pb2_grpc as pb_grpc  # noqa: E402

SERVICE = "/inference.GRPCInferenceService/"

FIELDS = {
    "ServerLiveRequest": {},
    "ServerLiveResponse": {"live": 1},
    "ServerReadyRequest": {},
    "ServerReadyResponse": {"ready": 1},
    "ModelReadyRequest": {"name": 1, "version": 2},
    "ModelReadyResponse": {"ready": 1},
    "ServerMetadataRequest": {},
    "ServerMetadataResponse": {"name": 1, "version": 2, "extensions": 3},
    "ModelMetadataRequest": {"name": 1, "version": 2},
    "ModelMetadataResponse": {"name": 1, "versions": 2, "platform": 3, "inputs": 4, "outputs": 5, "properties": 6},
    "ModelMetadataResponse.TensorMetadata": {"name": 1, "datatype": 2, "shape": 3},
    "ModelInferRequest": {"model_name": 1, "model_version": 2, "id": 3, "parameters": 4, "inputs": 5, "outputs": 6,
                          "raw_input_contents": 7},
    "ModelInferRequest.InferInputTensor": {"name": 1, "datatype": 2, "shape": 3, "parameters": 4, "contents": 5},
    "ModelInferRequest.InferRequestedOutputTensor": {"name": 1, "parameters": 2},
    "ModelInferResponse": {"model_name": 1, "model_version": 2, "id": 3, "parameters": 4, "outputs": 5,
                           "raw_output_contents": 6},
    "ModelInferResponse.InferOutputTensor": {"name": 1, "datatype": 2, "shape": 3, "parameters": 4, "contents": 5},
    "InferParameter": {"bool_param": 1, "int64_param": 2, "string_param": 3, "double_param": 4, "uint64_param": 5},
    "InferTensorContents": {"bool_contents": 1, "int_contents": 2, "int64_contents": 3, "uint_contents": 4,
                            "uint64_contents": 5, "fp32_contents": 6, "fp64_contents": 7, "bytes_contents": 8},
}


def require(holds, what):
    if not holds:
        sys.exit(f"wrong: {what}")


def require_equal(found, wanted, what):
    require(found == wanted, f"{what} is {found!r}, not {wanted!r}")


class Case:
    """A request of ours, and what the protocol's answer to it must say."""

    def __init__(self, path):
        request = json.loads(path.read_text())
        response = json.loads(pathlib.Path(str(path).replace(".request.", ".response.")).read_text())
        self.model = request["model"].removeprefix("models/")
        self.datatype = {"UINT8": "UINT8", "FLOAT32": "FP32"}[request["inputs"]["dtype"]]
        self.shape = [int(size) for size in request["inputs"]["shape"]]
        self.raw = base64.b64decode(request["inputs"]["data"])
        predictions = response["predictions"]
        self.batch = len(predictions)
        self.probabilities = [p for prediction in predictions for p in prediction["probabilities"]]
        self.classes = [prediction.get("classIndex", 0) for prediction in predictions]
        self.labels = [prediction["label"].encode() for prediction in predictions]
        self.version = response["ensembleVersion"]
        self.voting = response["constituentsVoting"]

    def elements(self):
        return list(struct.unpack(f"<{len(self.raw) // 4}f", self.raw)) if self.datatype == "FP32" else list(self.raw)

    def check(self, probabilities, classes, labels):
        require_equal(len(probabilities), len(self.probabilities), "the number of probabilities")
        # The last bits of a sum depend on who else is in the batch.
        require(all(abs(a - b) < 1e-6 for a, b in zip(probabilities, self.probabilities)), "a probability")
        require_equal(list(classes), self.classes, "class_index")
        require_equal(list(labels), self.labels, "label")


def unpack_labels(blob):
    labels = []
    while blob:
        (size,) = struct.unpack_from("<I", blob)
        labels.append(blob[4:4 + size])
        blob = blob[4 + size:]
    return labels


def unpack_raw(blobs, batch):
    return (struct.unpack(f"<{len(blobs[0]) // 4}f", blobs[0]), struct.unpack(f"<{batch}q", blobs[1]),
            unpack_labels(blobs[2]))


# --- through the stubs


def infer_request(case, raw):
    request = pb.ModelInferRequest(model_name=case.model, id="seven")
    request.parameters["priority"].uint64_param = 3
    tensor = request.inputs.add(name="input", datatype=case.datatype, shape=case.shape)
    if raw:
        request.raw_input_contents.append(case.raw)
    elif case.datatype == "FP32":
        tensor.contents.fp32_contents.extend(case.elements())
    else:
        tensor.contents.uint_contents.extend(case.elements())
    return request


def check_stubs(stub, case, raw):
    response = stub.ModelInfer(infer_request(case, raw))
    require_equal((response.model_name, response.id), (case.model, "seven"), "what the response is about")
    require_equal(response.model_version, case.version, "model_version")
    require_equal(response.parameters["constituents_voting"].int64_param, case.voting, "constituents_voting")
    require_equal([(o.name, o.datatype, list(o.shape)) for o in response.outputs],
                  [("probabilities", "FP32", [case.batch, 3]), ("class_index", "INT64", [case.batch]),
                   ("label", "BYTES", [case.batch])], "the outputs")
    require_equal(len(response.raw_output_contents), 3 if raw else 0, "the number of blobs")
    if raw:
        case.check(*unpack_raw(response.raw_output_contents, case.batch))
    else:
        probabilities, classes, labels = (output.contents for output in response.outputs)
        case.check(probabilities.fp32_contents, classes.int64_contents, labels.bytes_contents)


def check_refusal(stub, case):
    request = infer_request(case, raw=True)
    request.model_version = str(int(case.version) + 1)
    try:
        stub.ModelInfer(request)
    except grpc.RpcError as error:
        require_equal(error.code(), grpc.StatusCode.FAILED_PRECONDITION, "the code of a refusal")
        details = dict(error.trailing_metadata())["grpc-status-details-bin"]
        require(b"MODEL_VERSION_NOT_SERVED" in details, "the reason of a refusal")
    else:
        require(False, "a version that is not served answers")


def check_status(stub, case):
    require(stub.ServerLive(pb.ServerLiveRequest()).live, "live")
    require(stub.ServerReady(pb.ServerReadyRequest()).ready, "ready")
    require(stub.ModelReady(pb.ModelReadyRequest(name=case.model)).ready, "the model's ready")
    require(not stub.ModelReady(pb.ModelReadyRequest(name="none")).ready, "ready of no model")
    server = stub.ServerMetadata(pb.ServerMetadataRequest())
    require_equal(server.name, "expunge", "the server's name")
    require(server.version, "the server's version")
    model = stub.ModelMetadata(pb.ModelMetadataRequest(name=case.model))
    require_equal((model.name, list(model.versions), model.platform), (case.model, [case.version], "expunge_sisa"),
                  "the model's metadata")
    require_equal([(t.name, t.datatype, list(t.shape)) for t in model.inputs], [("input", case.datatype, [-1, 8, 8])],
                  "the model's inputs")
    require_equal([(t.name, t.datatype, list(t.shape)) for t in model.outputs],
                  [("probabilities", "FP32", [-1, 3]), ("class_index", "INT64", [-1]), ("label", "BYTES", [-1])],
                  "the model's outputs")
    require_equal(json.loads(model.properties["labels"]), ["top", "middle", "bottom"], "the labels")


def check_numbers():
    found = {}
    for name in FIELDS:
        message = pb.DESCRIPTOR.message_types_by_name[name.split(".")[0]]
        if "." in name:
            message = message.nested_types_by_name[name.split(".")[1]]
        found[name] = {field.name: field.number for field in message.fields}
    require_equal(found, FIELDS, "the fields of the proto file")


# --- by hand


def varint(value):
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def packed(values):
    return b"".join(varint(value) for value in values)


def read_varint(data):
    value = 0
    for i, byte in enumerate(data):
        value |= (byte & 127) << 7 * i
        if byte < 128:
            return value, data[i + 1:]
    sys.exit("wrong: a number that does not end")


def read_packed(data):
    values = []
    while data:
        value, data = read_varint(data)
        values.append(value)
    return values


def read(data):
    """The values of each field: numbers, or bytes."""
    fields = {}
    while data:
        key, data = read_varint(data)
        value, data = read_varint(data)
        if key & 7 == 2:
            value, data = data[:value], data[value:]
        else:
            require_equal(key & 7, 0, "a wire type")
        fields.setdefault(key >> 3, []).append(value)
    return fields


def check_by_hand(channel, case, raw):
    tensor = field(1, "input") + field(2, case.datatype) + field(3, packed(case.shape))
    if not raw and case.datatype == "FP32":
        tensor += field(5, field(6, struct.pack(f"<{len(case.elements())}f", *case.elements())))
    elif not raw:
        tensor += field(5, field(4, packed(case.elements())))
    request = field(1, case.model) + field(2, case.version) + field(3, "seven")
    for parameter in (field(1, 1), field(2, 5), field(3, "text"), b"\x21" + struct.pack("<d", 0.5), field(5, 5)):
        request += field(4, field(1, "ignored") + field(2, parameter))
    request += field(5, tensor) + (field(7, case.raw) if raw else b"")
    for name in ("probabilities", "class_index", "label"):
        request += field(6, field(1, name))

    response = read(channel.unary_unary(SERVICE + "ModelInfer")(request))
    require_equal(response[1] + response[2] + response[3], [case.model.encode(), case.version.encode(), b"seven"],
                  "what the response by hand is about")
    parameters = {entry[1][0]: read(entry[2][0])[2][0] for entry in map(read, response[4])}
    require_equal(parameters[b"constituents_voting"], case.voting, "constituents_voting by hand")
    outputs = [read(output) for output in response[5]]
    require_equal([(o[1][0], o[2][0], read_packed(o[3][0])) for o in outputs],
                  [(b"probabilities", b"FP32", [case.batch, 3]), (b"class_index", b"INT64", [case.batch]),
                   (b"label", b"BYTES", [case.batch])], "the outputs by hand")
    require((6 in response) == raw, "raw outputs for a raw request, and no others")
    if raw:
        case.check(*unpack_raw(response[6], case.batch))
    else:
        probabilities, classes, labels = (read(output[5][0]) for output in outputs)
        floats = struct.unpack(f"<{len(probabilities[6][0]) // 4}f", probabilities[6][0])
        case.check(floats, read_packed(classes[3][0]), labels[8])


def check_status_by_hand(channel, case):
    require_equal(channel.unary_unary(SERVICE + "ServerLive")(b""), field(1, 1), "live by hand")
    require_equal(channel.unary_unary(SERVICE + "ServerReady")(b""), field(1, 1), "ready by hand")
    name_and_version = field(1, case.model) + field(2, case.version)
    require_equal(channel.unary_unary(SERVICE + "ModelReady")(name_and_version), field(1, 1), "the model by hand")
    require_equal(read(channel.unary_unary(SERVICE + "ServerMetadata")(b""))[1], [b"expunge"], "the server by hand")
    model = read(channel.unary_unary(SERVICE + "ModelMetadata")(name_and_version))
    require_equal(model[1] + model[2] + model[3], [case.model.encode(), case.version.encode(), b"expunge_sisa"],
                  "the model's metadata by hand")
    require_equal([read(tensor)[1] for tensor in model[4] + model[5]],
                  [[b"input"], [b"probabilities"], [b"class_index"], [b"label"]], "the model's tensors by hand")
    require_equal([read(entry)[1] for entry in model[6]], [[b"labels"]], "the model's properties by hand")


def main():
    check_numbers()
    cases = [Case(path) for path in sorted(pathlib.Path(sys.argv[3]).glob("*.request.json"))]
    require(cases, "no case")
    with grpc.insecure_channel(sys.argv[1]) as channel:
        stub = pb_grpc.GRPCInferenceServiceStub(channel)
        for case in cases:
            check_status(stub, case)
            check_status_by_hand(channel, case)
            check_refusal(stub, case)
            for raw in (True, False):
                check_stubs(stub, case, raw)
                check_by_hand(channel, case, raw)
    print(f"{len(cases)} cases answered alike")


main()
