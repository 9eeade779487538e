// status: 1
// So does one with something that is no error.
Promise.reject({ reason: 1 });
