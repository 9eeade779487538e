// Hash functions compiled to WebAssembly, against answers that are known.
import { argon2id, argon2Verify, blake3, createSHA256, sha256 } from "hash-wasm";

const known = [
  ["sha256 of nothing", await sha256(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"],
  ["sha256 of abc", await sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"],
  ["blake3 of nothing", await blake3(""), "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"],
  ["blake3 of abc", await blake3("abc"), "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85"],
];
for (const [what, found, wanted] of known) {
  console.log(what, found === wanted ? "as known" : `WRONG: ${found}`);
}

// The same bytes in pieces, a million of them.
const incremental = await createSHA256();
incremental.init();
const piece = new Uint8Array(1000).fill(97);
for (let i = 0; i < 1000; i++) incremental.update(piece);
const million = incremental.digest();
const wanted = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";
console.log("sha256 of a million a", million === wanted ? "as known" : `WRONG: ${million}`);

const salt = new Uint8Array(16).map((_, i) => i * 7);
const options = { password: "ichneumon", salt, parallelism: 1, iterations: 3, memorySize: 1024, hashLength: 32 };
const encoded = await argon2id({ ...options, outputType: "encoded" });
console.log(encoded);
console.log("verifies:", await argon2Verify({ password: "ichneumon", hash: encoded }));
console.log("refuses:", await argon2Verify({ password: "chalcid", hash: encoded }));
