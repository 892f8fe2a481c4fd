/**
 * ONNX Runtime 1.30 on Linux and macOS reports its use to Microsoft unless told not to, keeps a device id in
 * the user's cache folder and leaves log files in the temporary one. attune tells it not to. To be imported
 * before onnxruntime-node, and in the main thread: a worker's environment is a copy, which native code does
 * not see.
 */
process.env['ORT_DISABLE_TELEMETRY'] ??= '1';
