"""The page: Gradio handlers that check their inputs, call the pipeline and format the result."""
