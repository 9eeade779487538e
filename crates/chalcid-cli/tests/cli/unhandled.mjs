// status: 1
// A rejection that nobody takes up ends the program.
setTimeout(() => console.log("never"), 50);
Promise.reject(Object.assign(new Error("rejected"), { code: "E_CODE" }));
