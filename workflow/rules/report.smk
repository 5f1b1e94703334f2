rule report_stub:
    output: f"{FOLDER}/report.html"
    shell: "touch {output}"
