export default "typed";
