/** Answers each of some connections with the next of its arguments, whatever is asked, for control.test.ts. */
const [path, ...answers] = Deno.args;
const listener = Deno.listen({ transport: "unix", path });
console.log("ready");
for (const answer of answers) {
  using connection = await listener.accept();
  await connection.read(new Uint8Array(16));
  await connection.write(new TextEncoder().encode(answer));
}
