"""ONNX models of the user as extractors: checked once, copied into the user's data folder, and run on the processor.

- `settings`: what no ONNX file says about its input: size, mean, standard deviation, order of the channels.
- `description_file`: those read from a JSON file next to the model, with the keys of WSInfer or `settings`.
- `structure`: what is in the file; everything that is not a plain network with one image input is refused.
- `running`: a session of ONNX Runtime that always computes batches of one size.
- `trial`: the model is run on synthetic images before it is accepted.
- `store`, `adding`: the folder of the models that were added, and adding and removing one.
- `extractor`, `steps`: the description and the code of a model in the registry of extractors.
"""
