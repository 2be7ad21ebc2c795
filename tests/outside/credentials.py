"""Has programs of others check cards, status lists and credentials.

usage: credentials.py FOLDER

FOLDER/cases.json is a list of {"by", "file", "accept", ...}: which program, what it is given, whether it must accept it,
and what it needs for that. Prints a line for each; ends with 1 where one of them says something else.
"""

import json
import sys
import zlib
from pathlib import Path

LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"


class Refused(Exception):
    """The program did not refuse by itself, but what it read is not what was to be accepted."""


def unbase45(text):
    out = bytearray()
    for at in range(0, len(text), 3):
        digits = [LETTERS.index(letter) for letter in text[at : at + 3]]
        value = sum(digit * 45**place for place, digit in enumerate(digits))
        out += value.to_bytes(len(digits) - 1, "big")
    return bytes(out)


def message(path):
    return zlib.decompress(unbase45(path.read_text()))


def hold(right, what):
    if not right:
        raise Refused(what)


def claim169(path, case):
    import claim169 as theirs

    read = theirs.decode(path.read_text(), verify_with_ed25519=bytes.fromhex(case["key"]))
    hold(read.claim169.id == case["id"], "another id")


def pycose(path, case):
    from pycose.keys import OKPKey
    from pycose.messages import CoseMessage

    read = CoseMessage.decode(message(path))
    read.key = OKPKey(crv="ED25519", x=bytes.fromhex(case["key"]))
    hold(read.verify_signature(), "the signature does not verify")


def jwk(case):
    import base64

    x = base64.urlsafe_b64encode(bytes.fromhex(case["key"])).decode().rstrip("=")
    return {"kty": "OKP", "crv": "Ed25519", "x": x}


def python_cwt(path, case):
    import cwt

    key = cwt.COSEKey.from_jwk({**jwk(case), "alg": "EdDSA", "kid": bytes.fromhex(case["key"])[:4].decode("latin1")})
    key._kid = bytes.fromhex(case["key"])[:4]
    read = cwt.decode(message(path), key)
    hold(read[169][1] == case["id"], "another id")


def cwt_list(path, case):
    import cwt
    from token_status_list import BitArray

    key = cwt.COSEKey.from_jwk({**jwk(case), "alg": "EdDSA", "kid": "x"})
    key._kid = bytes.fromhex(case["key"])[:4]
    read = cwt.decode(path.read_bytes(), key)
    hold(read[2] == case["uri"], "another list")
    bits = BitArray(1, zlib.decompress(read[65533]["lst"]))
    for index, status in case["entries"]:
        hold(bits.get(index) == status, f"entry {index}")


def jwt_list(path, case):
    from openvc.status.issue import verify_status_list_token
    from token_status_list import BitArray

    read = verify_status_list_token(path.read_text(), public_key_jwk=jwk(case), expected_uri=case["uri"])
    bits = BitArray.from_b64(1, read["status_list"]["lst"])
    for index, status in case["entries"]:
        hold(bits.get(index) == status, f"entry {index}")


def w3c(path, case):
    from openvc.proof.di_jcs import EddsaJcsProofSuite

    read = EddsaJcsProofSuite().verify(json.loads(path.read_text()), public_key_jwk=jwk(case))
    hold(not read.expired, "expired")


def bitstring(path, case):
    from openvc.status.bitstring import decode_bitstring, get_status_bit

    w3c(path, case)
    bits = decode_bitstring(json.loads(path.read_text())["credentialSubject"]["encodedList"])
    for index, status in case["entries"]:
        hold(get_status_bit(bits, index) == status, f"entry {index}")


def sd_jwt_reference(path, case):
    from jwcrypto.jwk import JWK
    from sd_jwt.verifier import SDJWTVerifier

    class Ours(SDJWTVerifier):
        """The reference checks key bindings with ES256 unless told otherwise."""

        def _verify_key_binding_jwt(self, aud=None, nonce=None, sign_alg=None):
            super()._verify_key_binding_jwt(aud, nonce, "EdDSA")

    key = JWK(**jwk(case))
    read = Ours(path.read_text(), lambda issuer, header: key, case["audience"], case["nonce"]).get_verified_payload()
    hold(all(read.get(name) == value for name, value in case["shown"].items()), "other claims")


def sd_jwt_openvc(path, case):
    from openvc.proof.sd_jwt import SdJwtVcProofSuite

    read = SdJwtVcProofSuite().verify(
        path.read_text(),
        public_key_jwk=jwk(case),
        audience=case["audience"],
        nonce=case["nonce"],
        require_key_binding=True,
    )
    hold(all(read.claims.get(name) == value for name, value in case["shown"].items()), "other claims")


def zxing(path, case):
    import zxingcpp
    from PIL import Image

    found = zxingcpp.read_barcodes(Image.open(path))
    hold([code.text for code in found] == [case["text"]], "another text")


PROGRAMS = {
    "claim169": claim169,
    "pycose": pycose,
    "cwt": python_cwt,
    "cwt list": cwt_list,
    "jwt list": jwt_list,
    "w3c": w3c,
    "bitstring": bitstring,
    "sd-jwt": sd_jwt_reference,
    "openvc": sd_jwt_openvc,
    "zxing": zxing,
}


def main():
    folder = Path(sys.argv[1])
    wrong = 0
    for case in json.loads((folder / "cases.json").read_text()):
        program = PROGRAMS[case["by"]]
        try:
            program(folder / case["file"], case)
            accepted, why = True, ""
        except ImportError:
            raise
        except BaseException as fault:  # some of them panic in Rust, which is no Exception
            if isinstance(fault, (KeyboardInterrupt, SystemExit)):
                raise
            accepted, why = False, f" ({type(fault).__name__}: {fault})"
        right = accepted == case["accept"]
        wrong += not right
        said = "accepts" if accepted else "refuses"
        print(f"{'right' if right else 'WRONG'}: {case['by']} {said} {case['file']}{why}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
