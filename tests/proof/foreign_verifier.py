#!/usr/bin/env python3
"""Verifies a certificate of Expunge's without any of its code.

Written from the formats' descriptions alone (C2SP signed-note, tlog-checkpoint and tlog-proof, DSSE 1.0, in-toto
Statement v1, RFC 6962), with Python's standard library and the program openssl. So it shows that what Expunge writes is
what others read, and it is short enough to be read by whoever would rather not believe it.

usage: foreign_verifier.py DIRECTORY

DIRECTORY holds certificate.json (the envelope), certificate.tlog-proof and log.vkey; where subject.txt and nonce.hex
are there, the certificate must be about that subject; where known.checkpoint and log.consistency are there, the log
must have grown from that checkpoint to the proof's.
"""

import base64
import hashlib
import json
import pathlib
import subprocess
import sys
import tempfile


def require(holds, what):
    if not holds:
        sys.exit(f"refused: {what}")


def unbase64(text):
    data = base64.b64decode(text, validate=True)
    require(base64.b64encode(data).decode() == text, "base64 in an unusual spelling")
    return data


def sha256(data):
    return hashlib.sha256(data).digest()


def node(left, right):
    return sha256(b"\x01" + left + right)


def openssl_verifies(public_key, message, signature):
    spki = bytes.fromhex("302a300506032b6570032100") + public_key  # RFC 8410, section 4
    with tempfile.TemporaryDirectory() as directory:
        path = pathlib.Path(directory)
        (path / "key").write_bytes(spki)
        (path / "message").write_bytes(message)
        (path / "signature").write_bytes(signature)
        command = ["openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-keyform", "DER", "-inkey", path / "key"]
        command += ["-in", path / "message", "-sigfile", path / "signature"]
        return subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode == 0


def read_verifier_key(text):
    name, key_id, encoded = text.rstrip("\n").split("+", 2)
    typed_key = unbase64(encoded)
    require(len(typed_key) == 33 and typed_key[0] == 1, "the key is not one for Ed25519")
    require(sha256(name.encode() + b"\n" + typed_key)[:4].hex() == key_id, "the key's id is not this key's")
    return name, bytes.fromhex(key_id), typed_key[1:]


def open_checkpoint(note, key):
    name, key_id, public_key = key
    text, _, signatures = note.rpartition("\n\n")
    text += "\n"
    signed = False
    for line in signatures.splitlines():
        dash, signer, encoded = line.split(" ")
        require(dash == "\u2014", "a signature line has another form")
        data = unbase64(encoded)
        if signer == name and data[:4] == key_id:
            require(openssl_verifies(public_key, text.encode(), data[4:]), "the checkpoint's signature is wrong")
            signed = True
    require(signed, "the checkpoint is not signed by the key")
    origin, size, root = text.splitlines()[:3]
    require(origin == name, "the checkpoint is of another log")
    return int(size), unbase64(root)


def open_envelope(text, key):
    name, key_id, public_key = key
    envelope = json.loads(text)
    payload = unbase64(envelope["payload"])
    kind = envelope["payloadType"]
    require(kind == "application/vnd.in-toto+json", "the envelope is around something else")
    (signature,) = envelope["signatures"]
    require(signature["keyid"] == f"{name}+{key_id.hex()}", "the envelope names another key")
    signed = b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(payload), payload)
    require(openssl_verifies(public_key, signed, unbase64(signature["sig"])), "the envelope's signature is wrong")
    return payload


def read_statement(payload, subject, nonce):
    statement = json.loads(payload)
    require(statement["_type"] == "https://in-toto.io/Statement/v1", "not an in-toto statement")
    require(len(statement["subject"]) > 0, "in-toto wants a subject")
    predicate = statement["predicate"]
    made = [checkpoint["sha256"] for task in predicate["tasks"] for checkpoint in task["newCheckpoints"]]
    if made:
        require([each["digest"]["sha256"] for each in statement["subject"]] == made, "the subjects are others")
    if subject is not None:
        require(sha256(nonce + subject).hex() == predicate["subjectCommitment"], "about another subject")
    return predicate


def split(size):
    """The largest power of two below `size`."""
    return 1 << (size - 1).bit_length() - 1


def root_of_path(index, size, leaf, path):
    """What PATH(index, D[size]) leads to (RFC 6962, section 2.1.1)."""
    if size == 1:
        require(not path, "the proof is too long")
        return leaf
    require(path, "the proof is too short")
    left = split(size)
    if index < left:
        return node(root_of_path(index, left, leaf, path[:-1]), path[-1])
    return node(path[-1], root_of_path(index - left, size - left, leaf, path[:-1]))


def roots_of_proof(first, size, whole, proof, first_root):
    """The roots of both trees that SUBPROOF(first, D[size], whole) leads to (RFC 6962, section 2.1.2)."""
    if first == size:
        if whole:
            require(not proof, "the consistency proof is too long")
            return first_root, first_root
        require(len(proof) == 1, "the consistency proof has another length")
        return proof[0], proof[0]
    require(proof, "the consistency proof is too short")
    left = split(size)
    if first <= left:
        older, newer = roots_of_proof(first, left, whole, proof[:-1], first_root)
        return older, node(newer, proof[-1])
    older, newer = roots_of_proof(first - left, size - left, False, proof[:-1], first_root)
    return node(proof[-1], older), node(proof[-1], newer)


def number_after(word, line):
    require(line.startswith(word + " "), f"no {word}")
    number = line[len(word) + 1 :]
    require(number.isascii() and number.isdigit() and str(int(number)) == number, f"a malformed {word}")
    return int(number)


def verify_inclusion(text, payload, predicate, key):
    head, _, note = text.partition("\n\n")
    header, index_line, *hashes = head.split("\n")
    require(header == "c2sp.org/tlog-proof@v1", "not a tlog-proof")
    index = number_after("index", index_line)
    size, root = open_checkpoint(note, key)
    require(predicate["log"] == {"origin": key[0], "index": index}, "the statement names another place")
    require(index < size, "the entry is beyond the log")
    found = root_of_path(index, size, sha256(b"\x00" + payload), [unbase64(line) for line in hashes])
    require(found == root, "the log does not have the statement")
    return size, root


def verify_consistency(text, known, signed, key):
    head, _, note = text.partition("\n\n")
    header, from_line, to_line, *hashes = head.split("\n")
    require(header == "expunge consistency proof v1", "not a consistency proof")
    require(number_after("from", from_line) == known[0] > 0, "the consistency proof is from another size")
    require(number_after("to", to_line) == signed[0], "the consistency proof is to another size")
    require(open_checkpoint(note, key) == signed, "the consistency proof is to another checkpoint")
    found = roots_of_proof(known[0], signed[0], True, [unbase64(line) for line in hashes], known[1])
    require(found == (known[1], signed[1]), "the log was rewritten")


def main():
    directory = pathlib.Path(sys.argv[1])

    def read(name):
        return (directory / name).read_bytes().decode()

    subject = nonce = None
    if (directory / "subject.txt").exists():
        subject, nonce = (directory / "subject.txt").read_bytes(), bytes.fromhex(read("nonce.hex"))
    try:
        key = read_verifier_key(read("log.vkey"))
        payload = open_envelope(read("certificate.json"), key)
        predicate = read_statement(payload, subject, nonce)
        signed = verify_inclusion(read("certificate.tlog-proof"), payload, predicate, key)
        if (directory / "known.checkpoint").exists():
            known = open_checkpoint(read("known.checkpoint"), key)
            verify_consistency(read("log.consistency"), known, signed, key)
    except (KeyError, TypeError, ValueError) as error:
        sys.exit(f"refused: malformed: {error}")
    print(f"verified: {predicate['erasure']} is entry {predicate['log']['index']} of {signed[0]}")


if __name__ == "__main__":
    main()
